export interface ScaleRules {
  min: number;
  max: number;
  after: number;
  idle: number;
  /** All three in ms. */
  cooldown: number;
}

export interface ScaleState {
  /** Agents of the role that are wanted now. */
  count: number;
  /** For how long each of those that are free has been so, ms. */
  idle: readonly number[];
  /** On their way up. */
  coming: number;
  /** The machine does not bear them now. */
  held: number;
  /** Tasks at once in one agent. */
  slots: number;
  /** Tasks that any agent of the role could take now. */
  ready: number;
  /** How long the one that is next has waited, ms; null where none does. */
  oldest: number | null;
  /** Since the number was changed, ms. */
  sinceChange: number;
}

/**
 * How many agents of a role there should be. It grows while tasks wait, at most to twice as many at a time, and not while
 * the machine bears no more; it shrinks by those that have long been idle while nothing waits. Pure.
 */
export function desiredCount({ min, max, after, idle, cooldown }: ScaleRules, state: ScaleState): number {
  const { count, ready, oldest } = state;
  if (count < min) return min;
  if (count > max) return max;
  if (state.sinceChange < cooldown) return count;
  const free = (state.idle.length + state.coming) * state.slots;
  if (ready > free && (oldest ?? 0) >= after && state.held === 0) {
    const lacking = Math.ceil((ready - free) / state.slots);
    return Math.min(max, count + Math.min(lacking, Math.max(1, count)));
  }
  const longIdle = ready === 0 ? state.idle.filter((ms) => ms >= idle).length : 0;
  return Math.max(min, count - longIdle);
}
