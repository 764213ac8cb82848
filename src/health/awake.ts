/**
 * A stretch of time in which the supervisor did not run: the machine slept, swarm was stopped, or the clock was set.
 */
export interface Gap {
  /** When it ended, epoch ms by the clock after it. */
  end: number;
  /** How far the clock moved in it, ms; below zero where the clock was set back. */
  ms: number;
}

/** The supervisor looks once a second: after a longer break it was stopped, or the clock was set, ms. */
const GAP_MS = 5_000;
const KEPT = 50;

/** Time from `at` to `now` without the gaps in between, ms; never negative. Pure. */
export function awakeSince(at: number, now: number, gaps: readonly Gap[]): number {
  // A time ahead of `now` was noted before the clock was set back.
  const between = gaps.filter(({ end, ms }) => end <= now && (end > at || (ms < 0 && at > now)));
  const asleep = between.reduce((sum, { ms }) => sum + ms, 0);
  return Math.max(0, now - at - asleep);
}

/** Finds the gaps; `look` is to be called once a second. */
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
    // After the clock was set back, earlier gaps lie in the future and count no more.
    this.#gaps = [...this.#gaps.filter(({ end }) => end <= now), gap].slice(-KEPT);
    return gap;
  }
}
