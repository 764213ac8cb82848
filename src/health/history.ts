import type { AgentStatus } from '../domain/agent.ts';

export interface Interval {
  status: AgentStatus;
  reason: string | null;
  /** Epoch ms; `until` of the last one is now. */
  since: number;
  until: number;
}

export interface History {
  /** The history is known from here on: at most a day back. */
  from: number;
  intervals: Interval[];
  /** ms in each status. */
  lasted: Partial<Record<AgentStatus, number>>;
}

/**
 * The statuses of an agent from `from` to `now`, from changes in the order in which they happened. A clock that was set
 * back makes an interval of no length. Pure.
 */
export function historyOf(
  changes: readonly { status: AgentStatus; reason: string | null; at: number }[],
  from: number,
  now: number,
): History {
  const intervals: Interval[] = [];
  for (const [index, { status, reason, at }] of changes.entries()) {
    const since = Math.min(now, Math.max(at, from));
    const until = Math.max(since, Math.min(now, changes[index + 1]?.at ?? now));
    const last = intervals.at(-1);
    // A new supervisor repeats the present status.
    if (last?.status === status && last.until === since) last.until = until;
    else intervals.push({ status, reason, since, until });
  }
  const lasted: Partial<Record<AgentStatus, number>> = {};
  for (const { status, since, until } of intervals) lasted[status] = (lasted[status] ?? 0) + until - since;
  return { from: intervals[0]?.since ?? now, intervals, lasted };
}
