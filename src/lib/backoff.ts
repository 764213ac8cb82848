export interface BackoffRules {
  /** Upper bound of the first delay, ms. */
  baseMs: number;
  /** Upper bound of every delay, ms. */
  capMs: number;
}

/** 2^30 · 1 ms is twelve days: beyond it the cap decides anyway, and the product stays finite. */
const LARGEST_EXPONENT = 30;

/**
 * Full jitter: uniform in [0, min(cap, base · 2^(attempt-1))). Many clients that failed together come back apart.
 * @param attempt counts from 1
 * @param random uniform in [0, 1)
 */
export function backoffDelay(rules: BackoffRules, attempt: number, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(0, attempt - 1), LARGEST_EXPONENT);
  return Math.floor(random() * Math.min(rules.capMs, rules.baseMs * 2 ** exponent));
}

/** A run of delays that grows until `reset`, which is for when the thing has proved stable again. */
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
