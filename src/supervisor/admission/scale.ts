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
  /** How long each free agent has been free, ms. */
  idle: readonly number[];
  /** Agents on their way up. */
  coming: number;
  /** Agents that the machine does not bear now. */
  held: number;
  /** Tasks at once in one agent. */
  slots: number;
  /** Tasks that any agent of the role could take now. */
  ready: number;
  /** How long the next of these tasks has waited, ms; null: there is none. */
  oldest: number | null;
  /** Time since the last change of the number, ms. */
  sinceChange: number;
}

/**
 * The number of agents that a role should have. It grows while tasks wait, at most to twice as many at a time, and not
 * while the machine bears no more; it shrinks by agents that have long been idle while no task waits. Pure.
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
