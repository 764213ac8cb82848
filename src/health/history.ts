import type { AgentStatus } from '../domain/agent.ts';

export interface Interval {
  status: AgentStatus;
  reason: string | null;
  /** Epoch ms; `until` of the last one is now. */
  since: number;
  until: number;
}

export interface History {
  /** From here on something is known: at most a day ago. */
  from: number;
  intervals: Interval[];
  /** ms in each status. */
  lasted: Partial<Record<AgentStatus, number>>;
}

/**
 * What became of an agent from `from` to `now`, of changes in the order in which they happened. A clock that was set
 * back makes an interval that lasts nothing. Pure.
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
    // A supervisor that begins anew says again what is known.
    if (last?.status === status && last.until === since) last.until = until;
    else intervals.push({ status, reason, since, until });
  }
  const lasted: Partial<Record<AgentStatus, number>> = {};
  for (const { status, since, until } of intervals) lasted[status] = (lasted[status] ?? 0) + until - since;
  return { from: intervals[0]?.since ?? now, intervals, lasted };
}
