import type { Checkpoint } from '../tree/types.ts';

/** How long checkpoints stay, in ms; pinned ones stay for ever. */
export interface Retention {
  /** Younger than this: every checkpoint stays. */
  allMs: number;
  /** Younger than this: the last one of each hour stays. */
  hourlyMs: number;
  /** Younger than this: the last one of each day stays. Older ones go. */
  dailyMs: number;
  /** Most checkpoints of one agent that are not pinned; the newest stay. */
  count: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Newest checkpoints that stay however old they are: an agent that has rested for a year can still be rolled back, and
 * numbers never begin anew.
 */
const ALWAYS_KEPT = 10;

/**
 * The checkpoints of one agent that may go, oldest first. Pure. Hours and days are those of UTC, so that the answer
 * does not depend on place or time of asking. `held`: numbers that a rollback under way refers to.
 */
export function expired(
  checkpoints: readonly Pick<Checkpoint, 'n' | 'at' | 'pinned'>[],
  retention: Retention,
  now: number,
  held: ReadonlySet<number> = new Set(),
): number[] {
  const newestFirst = checkpoints.toSorted((a, b) => b.n - a.n);
  const last = new Set<string>();
  const gone: number[] = [];
  let kept = 0;
  for (const [rank, { n, at, pinned }] of newestFirst.entries()) {
    if (pinned) continue;
    const slot = slotOf(Date.parse(at), retention, now);
    const stays =
      rank < ALWAYS_KEPT ||
      held.has(n) ||
      (slot !== null && kept < retention.count && (slot === '' || !last.has(slot)));
    if (slot !== null && slot !== '') last.add(slot);
    if (stays) kept += 1;
    else gone.push(n);
  }
  return gone.reverse();
}

/** The hour or day of which one checkpoint stays; empty where all stay, null where none does. */
function slotOf(at: number, { allMs, hourlyMs, dailyMs }: Retention, now: number): string | null {
  const age = now - at;
  if (age <= allMs) return '';
  if (age <= hourlyMs) return `hour ${Math.floor(at / HOUR_MS)}`;
  return age <= dailyMs ? `day ${Math.floor(at / DAY_MS)}` : null;
}
