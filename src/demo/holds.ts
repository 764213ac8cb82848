/** Named gates at which replies wait until `open` is called; an open gate stays open. */
export class Holds {
  readonly #open = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #all = false;

  /** Waits at a gate. Rejects with the signal's reason when it is aborted first. */
  async wait(name: string, signal: AbortSignal): Promise<void> {
    if (this.#all || this.#open.has(name)) return;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(resolve));
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      waiting.delete(resolve);
    }
  }

  release(name: string): void {
    this.#open.add(name);
    for (const go of this.#waiting.get(name) ?? []) go();
  }

  releaseAll(): void {
    this.#all = true;
    for (const waiting of this.#waiting.values()) for (const go of waiting) go();
  }
}
