import { systemClock, type Clock } from './clock.ts';

/** NTP slews smaller differences away, and two readings are never at quite the same moment, ms. */
const JUMP_MS = 2_000;

/**
 * Wall time of a process that keeps times in memory and compares them with now. Where it jumps against monotonic time
 * (a person or NTP set it, the machine was suspended), whoever keeps such times is told by how much before anybody
 * reads the new time, and moves them along.
 */
export class WatchedClock {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #listeners: ((byMs: number) => void)[] = [];
  #offset: number;

  constructor(clock: Pick<Clock, 'now' | 'monotonic'> = systemClock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** Epoch ms. */
  readonly now = (): number => {
    const now = this.#clock.now();
    const offset = now - this.#clock.monotonic();
    const by = Math.round(offset - this.#offset);
    if (Math.abs(by) < JUMP_MS) return now;
    this.#offset = offset;
    for (const listener of this.#listeners) listener(by);
    return now;
  };

  /** Called with how far it jumped, ms; below zero: back. */
  onJump(listener: (byMs: number) => void): void {
    this.#listeners.push(listener);
  }
}
