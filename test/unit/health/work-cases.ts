import type { Activity } from '../../../src/coordination/link.ts';
import type { HealthFacts, Signs } from '../../../src/health/index.ts';
import { facts, iso, snapshot, T0, task } from './facts.ts';

export const NO_SIGNS: Signs = {
  transcriptAt: null,
  work: null,
  screen: null,
  person: { attached: false, lastKeyAt: null },
  stopped: null,
  session: null,
  use: null,
};

export const activity = (more: Partial<Activity> = {}): Activity => ({
  hook: { name: 'PreToolUse', at: iso(-900_000) },
  tool: null,
  turnBegan: iso(-900_000),
  waitedMs: 0,
  apiAt: null,
  advancedAt: null,
  failure: null,
  repeat: null,
  ...more,
});

/** In the middle of a turn that has been silent for a quarter of an hour. */
export const SILENT = {
  turn: 'busy' as const,
  turnSince: iso(-900_000),
  lastProgressAt: iso(-900_000),
  tasks: [task('running', -900_000)],
};

const silent = (signs: Partial<Signs>, act: Partial<Activity> = {}, more: Partial<HealthFacts> = {}): HealthFacts =>
  facts({ snapshot: snapshot({ ...SILENT, activity: activity(act) }), signs: { ...NO_SIGNS, ...signs }, ...more });

const command = (more: Partial<NonNullable<Signs['work']>> = {}): NonNullable<Signs['work']> => ({
  count: 2,
  names: 'bash, node',
  since: T0 - 880_000,
  activeAt: null,
  ...more,
});
const test = { text: 'Bash: npm test', since: iso(-880_000) };
const repeat = (rounds: number, period = 1) => ({
  rounds,
  period,
  text: 'Bash: make',
  since: iso(-60_000),
  at: iso(-1000),
});

type WorkCase = [title: string, facts: HealthFacts, rule: string, status: string, reason: RegExp];

const FAILURES: [error: string, details: string | null, reason: RegExp][] = [
  ['rate_limit', '429', /t1 running; a limit of the API was reached \(429\), and it is tried again/],
  ['server_error', null, /the API failed or was overloaded, and/],
  ['authentication_failed', 'expired', /the API refused the login \(expired\)/],
  ['invalid_request', null, /the API refused the request/],
  ['something_new', null, /an error of the API \(something_new\)/],
];

/** Facts about work, the rule that must fire, its status and what the reason must hold. */
export const WORK_CASES: WorkCase[] = [
  ['the API says nothing', silent({}), 'no-progress', 'stuck', /t1 running: no answer of the API for 15m$/],
  ['the transcript grows', silent({ transcriptAt: T0 - 1000 }), 'works', 'working', /t1/],
  [
    'a long test run that uses the processor',
    silent({ work: command({ activeAt: T0 - 2000 }) }, { tool: test }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a command that did something at first and then hung',
    silent({ work: command({ activeAt: T0 - 700_000 }) }, { tool: test }),
    'no-progress',
    'stuck',
    /a command has done nothing for 11m40s \(Bash: npm test\)/,
  ],
  [
    'a command that never did anything',
    silent({ work: command() }, { tool: test }),
    'no-progress',
    'stuck',
    /a command has done nothing for 14m40s/,
  ],
  [
    'a command that a supervisor which has just started sees for the first time',
    silent({ work: command({ since: T0 - 5000 }) }, { tool: test }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a command that goes on for longer than any may',
    silent(
      { work: command({ since: T0 - 4_000_000, activeAt: T0 - 1000 }) },
      { tool: { ...test, since: iso(-4_000_000) } },
    ),
    'no-progress',
    'stuck',
    /a command has run for 1h6m \(Bash: npm test\)/,
  ],
  [
    'a check that works for half an hour',
    facts({
      snapshot: snapshot({ turn: 'idle', turnSince: iso(-1_800_000), tasks: [task('verifying', -1_800_000)] }),
      signs: { ...NO_SIGNS, work: command({ since: T0 - 1_800_000, activeAt: T0 - 1000 }) },
    }),
    'works',
    'working',
    /t1 verifying/,
  ],
  [
    'a tool without a program of its own',
    silent({}, { tool: { text: 'WebFetch: https://example.org', since: iso(-890_000) } }),
    'no-progress',
    'stuck',
    /no sign of progress for 15m, since WebFetch/,
  ],
  [
    'a start is given its time, however short that of work is',
    facts({
      limits: { stuckAfterMs: 3_000, longestCommandMs: 3_600_000, loopAfter: 6 },
      snapshot: snapshot({
        turn: 'starting',
        turnSince: iso(-59_000),
        lastProgressAt: null,
        tasks: [task('running', -59_000)],
      }),
      signs: NO_SIGNS,
    }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a result that waits for the broker',
    facts({
      snapshot: snapshot({ turn: 'idle', turnSince: iso(-900_000), tasks: [task('reporting', -900_000)] }),
      signs: NO_SIGNS,
    }),
    'works',
    'working',
    /t1 reporting/,
  ],
  [
    'the same call with the same result',
    facts({ snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-1000), activity: activity({ repeat: repeat(6) }) }) }),
    'loop',
    'stuck',
    /loop: the same call, 6 times with the same result: Bash: make/,
  ],
  [
    'two calls in turn',
    facts({
      snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-1000), activity: activity({ repeat: repeat(7, 2) }) }),
    }),
    'loop',
    'stuck',
    /the same 2 calls in turn, 7 times/,
  ],
  [
    'a few times is no loop',
    facts({ snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-1000), activity: activity({ repeat: repeat(5) }) }) }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a loop of which nothing is left but its memory',
    facts({ snapshot: snapshot({ activity: activity({ repeat: repeat(9) }) }) }),
    'free',
    'idle',
    /^$/,
  ],
  [
    'retries',
    silent({ screen: { kind: 'retrying', text: '500 x · retrying in 8s · attempt 6/10', at: T0 - 4000 } }),
    'retries',
    'working',
    /the API fails: 500 x · retrying in 8s · attempt 6\/10/,
  ],
  [
    'retries of long ago',
    silent({ screen: { kind: 'retrying', text: 'x', at: T0 - 21_000 } }),
    'no-progress',
    'stuck',
    /API/,
  ],
  [
    'a person is typing',
    silent({ person: { attached: true, lastKeyAt: T0 - 10_000 } }),
    'person-types',
    'working',
    /a person is typing/,
  ],
  [
    'a person who typed a minute ago looked after it then',
    silent({ person: { attached: true, lastKeyAt: T0 - 60_000 } }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a person who looks and types nothing',
    silent({ person: { attached: true, lastKeyAt: T0 - 800_000 } }),
    'no-progress',
    'stuck',
    /13m20s/,
  ],
  [
    'Claude Code waits in its pane for something of which no hook tells',
    silent({ session: { status: 'waiting', at: T0 - 850_000, waitsFor: 'choose: block them, or not' } }),
    'waits-in-pane',
    'needs-you',
    /^Claude Code waits in its pane: choose: block them, or not \(swarm attach\)$/,
  ],
  [
    'the notice about the costs of auto mode',
    silent({ screen: { kind: 'auto-mode', text: 'We are changing', at: T0 - 1_000 } }),
    'dialog-on-screen',
    'needs-you',
    /^Claude Code waits for Enter in its pane, .*permission mode auto costs behind a gateway/,
  ],
  [
    'a person stopped the turn',
    facts({
      snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-60_000), activity: activity() }),
      signs: { ...NO_SIGNS, session: { status: 'idle', at: T0 - 50_000 } },
    }),
    'stopped-in-pane',
    'held',
    /draft: a person stopped its turn/,
  ],
  [
    'a person stopped the turn and went away',
    silent({ session: { status: 'idle', at: T0 - 850_000 } }),
    'no-progress',
    'stuck',
    /a person stopped its turn in the pane, and nothing was typed for 15m/,
  ],
  [
    'a state of Claude Code from before the turn is no stop by a person',
    facts({
      snapshot: snapshot({ ...SILENT, turnSince: iso(-4_000), lastProgressAt: iso(-4_000), activity: activity() }),
      signs: { ...NO_SIGNS, session: { status: 'idle', at: T0 - 5_000 } },
    }),
    'works',
    'working',
    /t1 running/,
  ],
  ['an answer that comes in, and nothing else', silent({ answerAt: T0 - 5_000 }), 'works', 'working', /t1/],
  [
    'an answer that came in until a while ago',
    silent({ answerAt: T0 - 700_000 }),
    'no-progress',
    'stuck',
    /no answer of the API for 11m40s/,
  ],
  [
    'an answer that comes in for longer than any command may take',
    facts({
      snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-8_000_000), activity: activity() }),
      signs: { ...NO_SIGNS, answerAt: T0 - 5_000 },
    }),
    'no-progress',
    'stuck',
    /no answer of the API/,
  ],
  ['Ctrl-Z', silent({ screen: { kind: 'suspended', text: 'x', at: T0 } }), 'suspended', 'recovering', /Ctrl-Z/],
  [
    'SIGSTOP',
    silent({ stopped: 'its agent is stopped by a signal' }),
    'stopped-by-signal',
    'recovering',
    /its agent is stopped/,
  ],
  [
    'a trust dialog',
    facts({
      snapshot: snapshot({ turn: 'starting' }),
      signs: { ...NO_SIGNS, screen: { kind: 'trust', text: 'Accessing workspace', at: T0 } },
    }),
    'dialog-on-screen',
    'needs-you',
    /trust: .*swarm attach/,
  ],
  ...FAILURES.map(([error, details, reason]): WorkCase => [
    `a StopFailure in a task: ${error}`,
    facts({
      snapshot: snapshot({
        ...SILENT,
        lastProgressAt: iso(-1000),
        turn: 'api-error',
        activity: activity({ failure: { error, details, at: iso(-1000) } }),
      }),
      signs: NO_SIGNS,
    }),
    'api-failed',
    'working',
    reason,
  ]),
  [
    'an empty Stop in a task',
    facts({ snapshot: snapshot({ ...SILENT, lastProgressAt: iso(-1000), turn: 'failed', activity: activity() }) }),
    'api-failed',
    'working',
    /ended without an answer, and it is tried again/,
  ],
  [
    'a StopFailure of a turn without a task',
    facts({
      snapshot: snapshot({
        turn: 'api-error',
        activity: activity({ failure: { error: 'authentication_failed', details: null, at: iso(0) } }),
      }),
    }),
    'turn-failed',
    'idle',
    /refused the login/,
  ],
  ['a laptop that slept', silent({}, {}, { gaps: [{ end: T0 - 1000, ms: 800_000 }] }), 'works', 'working', /t1/],
  [
    'a laptop that slept long ago',
    silent({}, {}, { gaps: [{ end: T0 - 1_000_000, ms: 800_000 }] }),
    'no-progress',
    'stuck',
    /15m/,
  ],
  [
    'a command over which the laptop slept',
    silent({ work: command() }, { tool: test }, { gaps: [{ end: T0 - 1000, ms: 600_000 }] }),
    'works',
    'working',
    /t1/,
  ],
];
