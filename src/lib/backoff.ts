/** Factors between which chance stretches a delay, uniformly. */
export type Jitter = readonly [least: number, most: number];

export const NO_JITTER: Jitter = [1, 1];
/** At least half of the delay, where a try at once would be in vain. */
export const HALF_JITTER: Jitter = [0.5, 1];
/** Many clients that failed together come back apart. */
export const FULL_JITTER: Jitter = [0, 1];

/** How long to wait between tries: twice as long each time. */
export interface BackoffRules {
  /** First delay before the jitter, ms. */
  baseMs: number;
  /** Longest delay before the jitter, ms. */
  capMs: number;
  jitter: Jitter;
}

/** 2^30 · 1 ms is twelve days: beyond it the cap decides anyway, and the product stays finite. */
const LARGEST_EXPONENT = 30;

/**
 * The delay before a try: `min(capMs, baseMs · 2^(attempt-1))`, stretched by chance; whole ms.
 * @param attempt counts from 1
 * @param random uniform in [0, 1)
 */
export function backoffDelay(rules: BackoffRules, attempt: number, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(0, attempt - 1), LARGEST_EXPONENT);
  return jittered(Math.min(rules.capMs, rules.baseMs * 2 ** exponent), rules.jitter, random);
}

/** One delay, stretched by chance; whole ms. */
export function jittered(ms: number, [least, most]: Jitter, random: () => number = Math.random): number {
  return Math.floor(ms * (least + random() * (most - least)));
}

/** A series of delays that grow until `reset`, which is called when the operation has proved stable again. */
export class Backoff {
  readonly #rules: BackoffRules;
  readonly #random: () => number;
  #attempt = 0;

  constructor(rules: BackoffRules, random: () => number = Math.random) {
    this.#rules = rules;
    this.#random = random;
  }

  /** Attempts since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The next delay, ms. */
  next(): number {
    this.#attempt += 1;
    return backoffDelay(this.#rules, this.#attempt, this.#random);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
