import type { Clock } from '../../src/lib/clock.ts';

interface Timer {
  at: number;
  run: () => void;
}

/**
 * A clock that stands still until `advance`: timers run in the order of their times, ties in the order of their making.
 */
export class ManualClock implements Clock {
  #wall = Date.UTC(2030, 0, 1);
  #monotonic = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#wall + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Number of timers that have not run. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Sets the wall clock: forward, or back where negative. */
  jump(byMs: number): void {
    this.#wall += byMs;
  }

  /** Moves both clocks; the consequences of each timer run before the next timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#monotonic = next.at;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
    }
    this.#monotonic = end;
    await settle();
  }
}

/** Every promise callback that can run now has run when a macrotask comes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
