import { NO_USAGE } from '../../../src/domain/agent.ts';
import type { HealthFacts } from '../../../src/health/index.ts';
import type { WrapperSnapshot } from '../../../src/coordination/link.ts';

export const T0 = Date.UTC(2030, 0, 1);
export const iso = (offsetMs: number): string => new Date(T0 + offsetMs).toISOString();

/** A wrapper that was started an hour before T0 and whose agent is free. */
export function snapshot(more: Partial<WrapperSnapshot> = {}): WrapperSnapshot {
  return {
    agent: 'worker-1',
    kind: 'claude',
    slots: 1,
    incarnation: 'i1',
    wrapper: { pid: 10, startTime: '1', bootId: 'b' },
    buildId: 'x',
    startedAt: iso(-3_600_000),
    child: { pid: 11, startTime: '2', bootId: 'b' },
    sessionId: 's',
    transcriptPath: null,
    turn: 'idle',
    turnSince: iso(-60_000),
    lastProgressAt: iso(-60_000),
    tasks: [],
    needsYou: [],
    held: null,
    paused: false,
    restarts: 0,
    lastExit: null,
    failure: null,
    usage: { ...NO_USAGE },
    contextPercent: null,
    branch: null,
    checkpoint: null,
    amqp: 'connected',
    spooled: [],
    ...more,
  };
}

export const ALIVE = { exists: true, dead: false, status: null, signal: null, pid: 10, at: T0 };

/** An agent that is up, linked and free. */
export function facts(more: Partial<HealthFacts> = {}): HealthFacts {
  return {
    desired: 'up',
    lifecycle: { phase: 'none', since: T0 - 3_600_000, detail: null },
    pane: ALIVE,
    link: { connected: true, since: T0 - 3_600_000, lastSeenAt: T0 },
    snapshot: snapshot(),
    snapshotAt: T0,
    limits: { stuckAfterMs: 600_000, longestCommandMs: 3_600_000, loopAfter: 6 },
    ...more,
  };
}

export const task = (phase: WrapperSnapshot['tasks'][number]['phase'], sinceMs = -60_000) => ({
  task: 't1',
  attempt: 1,
  slot: 0,
  phase,
  since: iso(sinceMs),
});

export const question = (kind: 'permission' | 'question' = 'permission') => ({
  id: 'n1',
  kind,
  text: 'Bash: rm -rf build',
  task: 't1',
  since: iso(-1000),
});
