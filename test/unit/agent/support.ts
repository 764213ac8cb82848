import type { Logger } from 'pino';
import type { Clock } from '../../../src/agent/ports.ts';

/** Timers that run when told; ties in the order of their making. */
export class FakeClock implements Clock {
  #now = 0;
  #wall = Date.UTC(2030, 0, 1);
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#wall + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** The wall clock is set: forward, or back where negative. */
  jump(byMs: number): void {
    this.#wall += byMs;
  }

  random(): number {
    return 0.5;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
    }
    this.#now = end;
    await settle();
  }
}

/** Every promise callback that can run now has run when a macrotask comes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const nothing = (): void => {};
export const silentLog = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as unknown as Logger;
