/** A time that nobody lived through: the machine slept, swarm was stopped, or the clock was set. */
export interface Gap {
  /** When it was over, epoch ms by the clock after it. */
  end: number;
  /** How far the clock went meanwhile, ms; below zero where it was set back. */
  ms: number;
}

/** A supervisor that looks once a second and did not for so long was away, or its clock is not what it was, ms. */
const GAP_MS = 5_000;
const KEPT = 50;

/** From `at` to `now` without the gaps in between, ms; never negative. Pure. */
export function awakeSince(at: number, now: number, gaps: readonly Gap[]): number {
  // What seems to lie ahead was seen before the clock was set back.
  const between = gaps.filter(({ end, ms }) => end <= now && (end > at || (ms < 0 && at > now)));
  const asleep = between.reduce((sum, { ms }) => sum + ms, 0);
  return Math.max(0, now - at - asleep);
}

/** Finds the gaps: to be asked once a second. */
export class GapWatch {
  #last: number | null = null;
  #gaps: Gap[] = [];

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** @returns the gap that ends now, if any */
  look(now: number, intervalMs = 1_000): Gap | null {
    const ms = this.#last === null ? 0 : now - this.#last - intervalMs;
    this.#last = now;
    if (Math.abs(ms) < GAP_MS) return null;
    const gap = { end: now, ms };
    // Set back: what was seen before lies in the future now, and in no gap.
    this.#gaps = [...this.#gaps.filter(({ end }) => end <= now), gap].slice(-KEPT);
    return gap;
  }
}
