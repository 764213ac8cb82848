import { describe, expect, test } from 'vitest';
import { judge, massDeath, RULES, type HealthFacts } from '../../../src/health/index.ts';
import { WORK_CASES } from './work-cases.ts';
import { ALIVE, facts, iso, question, snapshot, T0, task } from './facts.ts';

const lost = { connected: false, since: T0, lastSeenAt: T0 };
const down = (ms: number) => ({ connected: false, since: T0 - ms, lastSeenAt: T0 - ms });
const phase = (name: HealthFacts['lifecycle']['phase'], detail: string | null = null) => ({
  phase: name,
  since: T0,
  detail,
});
const busy = { turn: 'busy' as const, tasks: [task('running')] };

/** Facts, the rule that must fire, its status and what the reason must hold. */
const CASES: [title: string, facts: HealthFacts, rule: string, status: string, reason: RegExp][] = [
  [
    'the supervisor gave up',
    facts({ lifecycle: phase('failed', 'it ended 6 times'), link: lost, snapshot: null }),
    'given-up',
    'failed',
    /6 times/,
  ],
  ['giving up outranks a living link', facts({ lifecycle: phase('failed', 'x') }), 'given-up', 'failed', /x/],
  [
    'it is being stopped, whatever it does',
    facts({ lifecycle: phase('stopping'), desired: 'stopped', snapshot: snapshot(busy) }),
    'being-stopped',
    'stopping',
    /^$/,
  ],
  [
    'stopped and nothing left',
    facts({ desired: 'stopped', pane: { ...ALIVE, exists: false }, link: lost }),
    'stopped',
    'stopped',
    /^$/,
  ],
  [
    'stopped with a dead pane',
    facts({ desired: 'stopped', pane: { ...ALIVE, dead: true, status: 0 }, link: lost }),
    'stopped',
    'stopped',
    /^$/,
  ],
  ['to be stopped and still there', facts({ desired: 'stopped' }), 'to-be-stopped', 'stopping', /^$/],
  [
    'a stopped one was not observed to be gone',
    facts({ desired: 'stopped', pane: null, link: lost, snapshot: null }),
    'nothing-known',
    'unknown',
    /nothing is known/,
  ],
  [
    'it cannot start before a person acts',
    facts({ lifecycle: phase('blocked', 'trust this repository'), link: lost }),
    'blocked',
    'needs-you',
    /trust/,
  ],
  [
    'the machine does not bear it now',
    facts({ lifecycle: phase('waiting', '300MiB of memory are free'), link: lost, snapshot: null }),
    'not-admitted',
    'held',
    /^admission: 300MiB/,
  ],
  [
    'many died at once, and no agent is started again',
    facts({ lifecycle: phase('held', 'mass-death: 3 of 3'), link: lost }),
    'not-to-be-started',
    'held',
    /mass-death: 3 of 3/,
  ],
  [
    'it is being restarted',
    facts({ lifecycle: phase('restarting', 'its wrapper ended'), link: lost }),
    'being-restarted',
    'recovering',
    /ended/,
  ],
  [
    'it is being started',
    facts({ lifecycle: phase('starting'), link: lost, snapshot: null }),
    'being-started',
    'starting',
    /^$/,
  ],
  ['a hello outranks the start', facts({ lifecycle: phase('starting') }), 'free', 'idle', /^$/],
  [
    'a probe that fails for long',
    facts({
      link: down(60_000),
      pane: { ...ALIVE, at: T0 - 60_000 },
      probeError: { probe: 'tmux', message: 'no answer', since: T0 - 60_000 },
    }),
    'probe-fails',
    'unknown',
    /tmux probe fails: no answer/,
  ],
  [
    'a probe that fails from the first look',
    facts({
      pane: null,
      snapshot: null,
      link: down(60_000),
      probeError: { probe: 'tmux', message: 'x', since: T0 - 60_000 },
    }),
    'probe-fails',
    'unknown',
    /tmux/,
  ],
  [
    'a probe that has only begun to fail',
    facts({ link: down(1000), snapshot: snapshot(busy), probeError: { probe: 'tmux', message: 'x', since: T0 } }),
    'works',
    'working',
    /t1 running/,
  ],
  [
    'a failing probe of a linked agent',
    facts({
      pane: { ...ALIVE, at: T0 - 600_000 },
      snapshot: snapshot(busy),
      probeError: { probe: 'tmux', message: 'x', since: T0 - 600_000 },
    }),
    'works',
    'working',
    /t1/,
  ],
  [
    'its session is gone',
    facts({ pane: { ...ALIVE, exists: false }, link: lost }),
    'pane-gone',
    'recovering',
    /session is gone/,
  ],
  [
    'its wrapper was killed',
    facts({ pane: { ...ALIVE, dead: true, signal: 9 }, link: lost }),
    'pane-dead',
    'recovering',
    /signal 9/,
  ],
  [
    'its wrapper exited',
    facts({ pane: { ...ALIVE, dead: true, status: 1 }, link: lost }),
    'pane-dead',
    'recovering',
    /exit code 1/,
  ],
  [
    'its wrapper died somehow',
    facts({ pane: { ...ALIVE, dead: true }, link: lost }),
    'pane-dead',
    'recovering',
    /dead$/,
  ],
  ['a dead pane of a linked wrapper is an old look', facts({ pane: { ...ALIVE, dead: true } }), 'free', 'idle', /^$/],
  ['no hello yet', facts({ snapshot: null, link: down(19_000) }), 'no-hello-yet', 'starting', /^$/],
  [
    'no hello for too long',
    facts({ snapshot: null, link: { connected: false, since: T0 - 20_000, lastSeenAt: null } }),
    'silent',
    'unknown',
    /not answered for 20s/,
  ],
  ['a link lost just now', facts({ link: down(9000), snapshot: snapshot(busy) }), 'works', 'working', /t1/],
  [
    'a link lost for long',
    facts({ link: down(10_000), snapshot: snapshot(busy) }),
    'silent',
    'unknown',
    /not answered for 10s/,
  ],
  [
    'its wrapper gave up',
    facts({ snapshot: snapshot({ ...busy, failure: 'claude ended 6 times within 600 s' }) }),
    'gave-up',
    'failed',
    /6 times/,
  ],
  [
    'a permission while it works',
    facts({ snapshot: snapshot({ ...busy, needsYou: [question()] }) }),
    'asks',
    'needs-you',
    /^permission: Bash: rm -rf build$/,
  ],
  [
    'two questions',
    facts({ snapshot: snapshot({ needsYou: [question('question'), question()] }) }),
    'asks',
    'needs-you',
    /^question: .*\(and 1 more\)$/,
  ],
  [
    'a question outranks a pause and a hold',
    facts({
      snapshot: snapshot({ paused: true, held: { kind: 'auth', until: null, detail: 'x' }, needsYou: [question()] }),
    }),
    'asks',
    'needs-you',
    /permission/,
  ],
  [
    'a question however long it waits',
    facts({ snapshot: snapshot({ ...busy, lastProgressAt: iso(-9_000_000), needsYou: [question()] }) }),
    'asks',
    'needs-you',
    /permission/,
  ],
  [
    'a dialog without a description',
    facts({ snapshot: snapshot({ ...busy, turn: 'permission' }) }),
    'dialog-open',
    'needs-you',
    /dialog/,
  ],
  [
    'work without progress',
    facts({
      snapshot: snapshot({
        turn: 'busy',
        turnSince: iso(-900_000),
        tasks: [task('running', -900_000)],
        lastProgressAt: iso(-600_000),
      }),
    }),
    'no-progress',
    'stuck',
    /t1 running: no sign of progress for 10m/,
  ],
  [
    'a turn without any sign ever',
    facts({ snapshot: snapshot({ turn: 'busy', turnSince: iso(-700_000), lastProgressAt: null }) }),
    'no-progress',
    'stuck',
    /a turn without a task/,
  ],
  [
    'progress just before the limit',
    facts({
      snapshot: snapshot({
        turn: 'busy',
        turnSince: iso(-900_000),
        tasks: [task('running', -900_000)],
        lastProgressAt: iso(-599_999),
      }),
    }),
    'works',
    'working',
    /t1/,
  ],
  [
    'a new phase is progress',
    facts({
      snapshot: snapshot({
        turn: 'idle',
        turnSince: iso(-900_000),
        tasks: [task('verifying', -1000)],
        lastProgressAt: iso(-900_000),
      }),
    }),
    'works',
    'working',
    /t1 verifying/,
  ],
  ['background work', facts({ snapshot: snapshot({ turn: 'background' }) }), 'works', 'working', /background/],
  ['a person talks to it', facts({ snapshot: snapshot({ turn: 'busy' }) }), 'works', 'working', /without a task/],
  [
    'a clock ahead of ours is no progress in the future',
    facts({ snapshot: snapshot({ ...busy, lastProgressAt: iso(60_000) }) }),
    'works',
    'working',
    /t1/,
  ],
  [
    'it pauses after its work',
    facts({ desired: 'paused', snapshot: snapshot(busy) }),
    'works',
    'working',
    /t1 running; pauses afterwards/,
  ],
  ['paused', facts({ desired: 'paused', snapshot: snapshot({ paused: true }) }), 'paused', 'paused', /^$/],
  [
    'paused and held is paused',
    facts({ snapshot: snapshot({ paused: true, held: { kind: 'auth', until: null, detail: 'x' } }) }),
    'paused',
    'paused',
    /^$/,
  ],
  [
    'held with its task until then',
    facts({
      snapshot: snapshot({ ...busy, held: { kind: 'rate-limit', until: iso(60_000), detail: '5-hour limit' } }),
    }),
    'held',
    'held',
    /^rate-limit: 5-hour limit \(until 2030-01-01T00:01:00.000Z\)$/,
  ],
  [
    'held without a known end',
    facts({ snapshot: snapshot({ held: { kind: 'draft', until: null, detail: 'a person types' } }) }),
    'held',
    'held',
    /^draft: a person types$/,
  ],
  [
    'its process ended, the wrapper sees to it',
    facts({
      snapshot: snapshot({
        turn: 'gone',
        lastExit: { at: iso(-100), code: null, signal: 'SIGKILL', detail: 'killed by SIGKILL' },
      }),
    }),
    'agent-gone',
    'recovering',
    /SIGKILL/,
  ],
  [
    'its process ended without a word',
    facts({ snapshot: snapshot({ turn: 'gone' }) }),
    'agent-gone',
    'recovering',
    /its process ended/,
  ],
  ['it starts', facts({ snapshot: snapshot({ turn: 'starting' }) }), 'agent-starts', 'starting', /^$/],
  [
    'the first moments of a wrapper',
    facts({ snapshot: snapshot({ turn: 'none', startedAt: iso(-500) }) }),
    'first-moments',
    'starting',
    /^$/,
  ],
  ['a lazy agent', facts({ snapshot: snapshot({ turn: 'none', child: null }) }), 'free', 'idle', /^$/],
  [
    'a shell agent without work',
    facts({ snapshot: snapshot({ kind: 'shell', turn: 'ready', startedAt: iso(-500) }) }),
    'free',
    'idle',
    /^$/,
  ],
  ['after an error of the API', facts({ snapshot: snapshot({ turn: 'api-error' }) }), 'turn-failed', 'idle', /API/],
  [
    'after an empty turn',
    facts({ snapshot: snapshot({ turn: 'failed' }) }),
    'turn-failed',
    'idle',
    /without an answer/,
  ],
  [
    'nothing at all',
    facts({ pane: null, snapshot: null, snapshotAt: null, link: lost }),
    'nothing-known',
    'unknown',
    /nothing is known/,
  ],
];

describe('a judgement', () => {
  test.each([...CASES, ...WORK_CASES])('%s', (_title, given, rule, status, reason) => {
    const judged = judge(given, T0);
    expect(judged).toMatchObject({ rule, status });
    expect(judged.reason).toMatch(reason);
  });

  test('every rule has a case, and a name of its own', () => {
    const names = RULES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set([...CASES, ...WORK_CASES].map(([, , rule]) => rule))).toEqual(new Set(names));
  });

  test('holds and backoffs tell when they end', () => {
    expect(
      judge(facts({ snapshot: snapshot({ held: { kind: 'budget', until: iso(5000), detail: '' } }) }), T0).until,
    ).toBe(T0 + 5000);
    expect(
      judge(facts({ snapshot: snapshot({ held: { kind: 'budget', until: 'soon', detail: '' } }) }), T0).until,
    ).toBeNull();
    const backoff = { ...phase('restarting'), until: T0 + 7000 };
    expect(judge(facts({ lifecycle: backoff, link: lost }), T0).until).toBe(T0 + 7000);
    expect(judge(facts(), T0).until).toBeNull();
  });

  test('comes with what it rests on and how old that is', () => {
    const given = facts({
      lifecycle: { ...phase('none'), since: T0 - 5000 },
      pane: { ...ALIVE, at: T0 - 100 },
      snapshotAt: T0 - 20,
      snapshot: snapshot({
        ...busy,
        needsYou: [question()],
        paused: true,
        failure: 'f',
        held: { kind: 'auth', until: null, detail: 'log in' },
        lastProgressAt: iso(1000),
        lastExit: { at: iso(-400), code: 1, signal: null, detail: 'exit 1' },
      }),
      probeError: { probe: 'process table', message: 'EMFILE', since: T0 - 50 },
    });
    expect(judge(given, T0).evidence).toEqual([
      { fact: 'desired', value: 'up', ageMs: null },
      { fact: 'lifecycle', value: 'nothing is being done to it', ageMs: 5000 },
      { fact: 'link', value: 'connected', ageMs: 3_600_000 },
      { fact: 'snapshot', value: 'of i1', ageMs: 20 },
      { fact: 'turn', value: 'busy', ageMs: 60_000 },
      { fact: 'task', value: 't1 attempt 1: running', ageMs: 60_000 },
      { fact: 'needs you', value: 'permission: Bash: rm -rf build', ageMs: 1000 },
      { fact: 'last progress', value: iso(1000), ageMs: 0 },
      { fact: 'held', value: 'auth: log in', ageMs: null },
      { fact: 'paused', value: 'yes', ageMs: null },
      { fact: 'failure', value: 'f', ageMs: null },
      { fact: 'last exit', value: 'exit 1', ageMs: 400 },
      { fact: 'pane', value: 'alive, pid 10', ageMs: 100 },
      { fact: 'process table probe', value: 'fails: EMFILE', ageMs: 50 },
    ]);
    expect(judge(facts({ pane: { ...ALIVE, exists: false, pid: null } }), T0).evidence).toContainEqual({
      fact: 'pane',
      value: 'there is none',
      ageMs: 0,
    });
    expect(judge(facts({ pane: { ...ALIVE, pid: null } }), T0).evidence).toContainEqual({
      fact: 'pane',
      value: 'alive, pid unknown',
      ageMs: 0,
    });
    expect(judge(facts({ snapshotAt: null }), T0).evidence).toContainEqual({
      fact: 'snapshot',
      value: 'of i1',
      ageMs: null,
    });
  });
});

test.each([
  [2, 2, false],
  [3, 3, true],
  [3, 6, true],
  [3, 7, false],
  [10, 50, false],
  [25, 50, true],
  [0, 0, false],
])('%i deaths of %i at once: a mass death is %s', (dead, total, mass) => {
  expect(massDeath(dead, total)).toBe(mass);
});
