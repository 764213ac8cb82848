/** Announces changes: a caller that waits for a fact looks again after each. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  on(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * The first result of `check` that is not null, tried now and after each change; null when the signal aborts first.
   */
  async until<T>(check: () => T | null, signal?: AbortSignal): Promise<T | null> {
    const now = check();
    if (now !== null || signal?.aborted === true) return now;
    return await new Promise<T | null>((resolve) => {
      const settle = (value: T | null): void => {
        off();
        signal?.removeEventListener('abort', aborted);
        resolve(value);
      };
      const aborted = (): void => settle(null);
      const off = this.on(() => {
        const value = check();
        if (value !== null) settle(value);
      });
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }
}
