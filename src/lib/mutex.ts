/** Runs one `work` at a time per key, in the order of the calls. Unused keys cost nothing. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** True while a `work` runs or waits under the key. */
  held(key: string): boolean {
    return this.#tails.has(key);
  }

  /**
   * Runs `work` once all earlier work of the same key has settled; a failure of one does not reach the next. An abort
   * while waiting rejects with the signal's reason and `work` never runs. Not re-entrant: `work` that awaits `run` of
   * its own key waits for itself.
   */
  async run<T>(key: string, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const turn = Promise.withResolvers<void>();
    const tail = before.then(() => turn.promise);
    this.#tails.set(key, tail);
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      turn.resolve();
      if (this.#tails.get(key) === tail) void tail.then(() => this.#forget(key, tail));
    }
  }

  #forget(key: string, tail: Promise<void>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}

async function untilAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return turn;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([turn, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
