/** Runs at most so many `work`s at once, the others in the order of the calls. */
export class Slots {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.#running >= this.#most;
  }

  /**
   * Runs `work` when a slot is free. An abort while waiting rejects with the signal's reason, and `work` never runs.
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    // A waiting call gets the slot of the work that ends, so that no later call comes before it.
    if (this.full) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const go = (): void => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    const leave = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(go), 1);
      reject(signal.reason as Error);
    };
    this.#waiting.push(go);
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }
}
