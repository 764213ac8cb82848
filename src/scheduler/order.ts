import type { Priority } from '../domain/task.ts';

const MINUTE = 60_000;

/**
 * How much earlier a task of this priority counts as ready than it was. So a low task is overtaken by high ones that
 * come within half an hour after it, and by none that come later: strict enough to matter, and every task has its turn.
 */
export const HEADSTART_MS: Readonly<Record<Exclude<Priority, 'critical'>, number>> = {
  high: 30 * MINUTE,
  normal: 10 * MINUTE,
  low: 0,
};

/** Farther back than any time since 1970, so that critical tasks come before all others. */
const CRITICAL_MS = 1e14;

/** Stored when the task becomes ready; the smallest is next, equal ones in the order of their numbers. */
export function orderKey(priority: Priority, readyAt: number): number {
  return readyAt - (priority === 'critical' ? CRITICAL_MS : HEADSTART_MS[priority]);
}
