import type { WrapperSnapshot } from '../coordination/link.ts';
import type { AgentStatus } from '../domain/agent.ts';
import { formatDuration } from '../lib/duration.ts';
import { describePane, time } from './evidence.ts';
import type { HealthFacts, Trouble } from './facts.ts';
import { works, workOf, WORK_RULES } from './work-rules.ts';

/**
 * How long a wrapper may be without a link, ms: one that reconnects, or waits for a new supervisor, is back within a
 * second. Until then its last report stands.
 */
export const LINK_GRACE_MS = 10_000;
/** From the start of a pane to its wrapper's hello. */
export const HELLO_GRACE_MS = 20_000;
/** How long the last answer of a failing probe holds, ms. */
export const PROBE_GRACE_MS = 15_000;
/** How long a new wrapper may report `none`, ms: it is about to start its agent. */
export const FIRST_MOMENTS_MS = 3000;

export interface Verdict {
  reason: string;
  until?: number | null;
  trouble?: Trouble;
}

export interface Rule {
  name: string;
  status: AgentStatus;
  /** Null: this rule does not apply. */
  when(facts: HealthFacts, now: number): Verdict | null;
}

/** A rule about the agent itself, from the wrapper's reports. */
function said(
  name: string,
  status: AgentStatus,
  when: (snapshot: WrapperSnapshot, facts: HealthFacts, now: number) => Verdict | null,
): Rule {
  return { name, status, when: (facts, now) => (facts.snapshot === null ? null : when(facts.snapshot, facts, now)) };
}

const because = (condition: boolean, reason: string | null): Verdict | null =>
  condition ? { reason: reason ?? '' } : null;

/**
 * Rules about what the supervisor does, or was ordered to do. They come first: the supervisor is about to change what
 * the others see.
 */
const SUPERVISOR_RULES: readonly Rule[] = [
  {
    name: 'given-up',
    status: 'failed',
    when: ({ lifecycle }) => because(lifecycle.phase === 'failed', lifecycle.detail),
  },
  {
    name: 'being-stopped',
    status: 'stopping',
    when: ({ lifecycle }) => because(lifecycle.phase === 'stopping', lifecycle.detail),
  },
  {
    name: 'stopped',
    status: 'stopped',
    when: (facts) => because(facts.desired === 'stopped' && nothingRuns(facts), null),
  },
  {
    name: 'to-be-stopped',
    status: 'stopping',
    when: ({ desired, pane }) => because(desired === 'stopped' && pane !== null, null),
  },
  {
    name: 'blocked',
    status: 'needs-you',
    when: ({ lifecycle }) => because(lifecycle.phase === 'blocked', lifecycle.detail),
  },
  {
    name: 'not-to-be-started',
    status: 'held',
    when: ({ lifecycle }) =>
      lifecycle.phase === 'held' ? { reason: lifecycle.detail ?? '', until: lifecycle.until ?? null } : null,
  },
  {
    name: 'not-admitted',
    status: 'held',
    when: ({ lifecycle }) => because(lifecycle.phase === 'waiting', `admission: ${lifecycle.detail ?? ''}`),
  },
  {
    name: 'being-restarted',
    status: 'recovering',
    when: ({ lifecycle }) =>
      lifecycle.phase === 'restarting' ? { reason: lifecycle.detail ?? '', until: lifecycle.until ?? null } : null,
  },
  {
    name: 'being-started',
    status: 'starting',
    when: ({ lifecycle, link }) => because(lifecycle.phase === 'starting' && !link.connected, lifecycle.detail),
  },
];

/** A living link proves a living wrapper, whatever tmux reports. */
const OUTSIDE_RULES: readonly Rule[] = [
  {
    name: 'probe-fails',
    status: 'unknown',
    when({ link, pane, probeError }, now) {
      if (link.connected || !probeError) return null;
      const lastLook = Math.max(pane?.at ?? probeError.since, link.since);
      return because(now - lastLook >= PROBE_GRACE_MS, `the ${probeError.probe} probe fails: ${probeError.message}`);
    },
  },
  {
    name: 'pane-gone',
    status: 'recovering',
    when: ({ pane, link }) => because(pane?.exists === false && !link.connected, 'its tmux session is gone'),
  },
  {
    name: 'pane-dead',
    status: 'recovering',
    when: ({ pane, link }) =>
      pane?.dead === true && !link.connected ? { reason: `its wrapper ended: ${describePane(pane)}` } : null,
  },
  {
    name: 'no-hello-yet',
    status: 'starting',
    when: ({ link, snapshot, pane }, now) =>
      because(!link.connected && snapshot === null && pane !== null && now - link.since < HELLO_GRACE_MS, null),
  },
  {
    name: 'silent',
    status: 'unknown',
    when({ link, snapshot }, now) {
      const silent = now - Math.max(link.lastSeenAt ?? 0, link.since);
      const limit = snapshot === null ? HELLO_GRACE_MS : LINK_GRACE_MS;
      return because(!link.connected && silent >= limit, `its wrapper has not answered for ${formatDuration(silent)}`);
    },
  },
];

const AGENT_RULES: readonly Rule[] = [
  said('gave-up', 'failed', ({ failure }) => (failure === null ? null : { reason: failure })),
  said('asks', 'needs-you', ({ needsYou: [first, ...more] }) => {
    if (first === undefined) return null;
    return { reason: `${first.kind}: ${first.text}${more.length === 0 ? '' : ` (and ${more.length} more)`}` };
  }),
  ...WORK_RULES.map(({ name, status, when }) => said(name, status, when)),
  said('api-failed', 'working', (snapshot) =>
    works(snapshot) && ['api-error', 'failed'].includes(snapshot.turn)
      ? { reason: `${workOf(snapshot)}; ${failureOf(snapshot)}, and it is tried again` }
      : null,
  ),
  said('works', 'working', (snapshot, { desired }) => {
    if (!works(snapshot)) return null;
    const pausing = snapshot.paused || desired === 'paused';
    return { reason: pausing ? `${workOf(snapshot)}; pauses afterwards` : workOf(snapshot) };
  }),
  said('paused', 'paused', ({ paused }, { desired }) => because(paused || desired === 'paused', null)),
  said('held', 'held', ({ held }) => {
    if (held === null) return null;
    const until = held.until === null ? '' : ` (until ${held.until})`;
    return { reason: `${held.kind}: ${held.detail}${until}`, until: time(held.until) };
  }),
  said('agent-gone', 'recovering', ({ turn, lastExit }) =>
    because(turn === 'gone', lastExit?.detail ?? 'its process ended'),
  ),
  said('agent-starts', 'starting', ({ turn }) => because(turn === 'starting', null)),
  said('first-moments', 'starting', ({ turn, kind, startedAt }, _facts, now) =>
    because(kind === 'claude' && turn === 'none' && now - (time(startedAt) ?? 0) < FIRST_MOMENTS_MS, null),
  ),
  said('turn-failed', 'idle', (snapshot) =>
    because(snapshot.turn === 'api-error' || snapshot.turn === 'failed', failureOf(snapshot)),
  ),
  said('free', 'idle', () => ({ reason: '' })),
];

export const RULES: readonly Rule[] = [
  ...SUPERVISOR_RULES,
  ...OUTSIDE_RULES,
  ...AGENT_RULES,
  { name: 'nothing-known', status: 'unknown', when: () => ({ reason: 'nothing is known of it yet' }) },
];

function nothingRuns({ pane, link }: HealthFacts): boolean {
  return !link.connected && pane !== null && (!pane.exists || pane.dead);
}

const FAILURES: Readonly<Record<string, string>> = {
  rate_limit: 'a limit of the API was reached',
  server_error: 'the API failed or was overloaded',
  authentication_failed: 'the API refused the login',
  invalid_request: 'the API refused the request',
};

/** A turn without an answer is no error of the API, as far as the agent was told. */
function failureOf({ turn, activity }: WrapperSnapshot): string {
  if (turn === 'failed') return 'its last turn ended without an answer';
  const failure = activity?.failure ?? null;
  if (failure === null) return 'its last turn ended by an error of the API';
  const words = FAILURES[failure.error] ?? `its last turn ended by an error of the API (${failure.error})`;
  return failure.details === null ? words : `${words} (${failure.details})`;
}
