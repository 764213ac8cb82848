import { SETUP_REASON, type AgentDesired } from '../../domain/agent.ts';
import type { Gap, HealthFacts, LifecycleFact, ProbeError, TroubleLimits } from '../../health/index.ts';
import type { AgentRecord } from '../project/agent-record.ts';

export interface FactsContext {
  desired: AgentDesired;
  limits: TroubleLimits;
  gaps?: readonly Gap[] | undefined;
  /** Set while tmux cannot be asked. */
  probeError: ProbeError | null;
  /** Epoch ms. */
  now: number;
}

/** The facts about one agent, for the rules in src/health. */
export function factsOf(record: AgentRecord, context: FactsContext): HealthFacts {
  const { desired, limits, gaps, probeError, now } = context;
  const { pane, linked, snapshot, snapshotAt, linkSince, paneSeenAt } = record.observed;
  return {
    desired,
    limits,
    gaps,
    signs: record.signs,
    probeError,
    lifecycle: lifecycleFact(record, desired, now),
    pane:
      pane === null
        ? { exists: false, dead: false, status: null, signal: null, pid: null, at: paneSeenAt }
        : { exists: true, dead: pane.dead, status: pane.status, signal: pane.signal, pid: pane.pid, at: paneSeenAt },
    link: { connected: linked, since: linkSince, lastSeenAt: snapshotAt === 0 ? null : snapshotAt },
    snapshot,
    snapshotAt: snapshotAt === 0 ? null : snapshotAt,
  };
}

function lifecycleFact(record: AgentRecord, desired: AgentDesired, now: number): LifecycleFact {
  const { lifecycle, startHold } = record;
  const { pane } = record.observed;
  const { since } = lifecycle;
  const waits =
    lifecycle.phase === 'none' ||
    lifecycle.phase === 'waiting' ||
    lifecycle.phase === 'due' ||
    (lifecycle.phase === 'backoff' && lifecycle.of === 'start');
  if (startHold !== null && desired !== 'stopped' && waits && pane?.dead !== false)
    return { phase: 'held', since, ...startHold };
  switch (lifecycle.phase) {
    case 'none':
      // Wanted and not there: the very next step of the loop starts it.
      return { phase: desired !== 'stopped' && pane === null ? 'starting' : 'none', since, detail: null };
    case 'up':
      return { phase: 'none', since, detail: null };
    case 'blocked':
      return { phase: 'blocked', since, detail: lifecycle.detail };
    case 'waiting':
      return { phase: lifecycle.for === 'turn' ? 'starting' : 'waiting', since, detail: lifecycle.detail };
    case 'preparing':
      return { phase: 'starting', since, detail: preparation(lifecycle.setup, now - since) };
    case 'starting':
      return { phase: 'starting', since, detail: null };
    case 'due':
      return { phase: 'starting', since, detail: lifecycle.detail };
    case 'recovering':
      return { phase: 'restarting', since, detail: lifecycle.detail };
    case 'backoff':
      if (lifecycle.of === 'stop') return { phase: 'stopping', since, detail: lifecycle.detail };
      return { phase: 'restarting', since, detail: lifecycle.detail, until: lifecycle.until };
    case 'stopping':
      return { phase: 'stopping', since, detail: lifecycle.detail ?? null };
    case 'failed':
      return { phase: 'failed', since, detail: lifecycle.detail };
  }
}

function preparation(setup: string | undefined, ms: number): string {
  if (setup === undefined) return 'its worktree is being prepared';
  return `${SETUP_REASON}${setup}${ms < 1000 ? '' : ` (${Math.floor(ms / 1000)} s)`}`;
}
