import { pause, systemClock } from '../../lib/clock.ts';

/** Keys of the person who watches: raw, so that one key is enough and none is written over the narration. */
export class Keys implements Disposable {
  readonly #stdin: NodeJS.ReadStream;
  #taken: ((key: string) => void) | null = null;

  constructor(stdin: NodeJS.ReadStream) {
    this.#stdin = stdin;
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', this.#take).resume();
  }

  /** The next key, or null when none comes within the time, ms; keys pressed before do not count. */
  async next(ms: number, signal: AbortSignal): Promise<string | null> {
    signal.throwIfAborted();
    const done = new AbortController();
    const key = new Promise<string>((resolve) => {
      this.#taken = resolve;
    });
    try {
      const limit = pause(systemClock, ms, AbortSignal.any([signal, done.signal])).then(() => null);
      const first = await Promise.race([key, limit]);
      signal.throwIfAborted();
      return first;
    } finally {
      this.#taken = null;
      done.abort();
    }
  }

  readonly #take = (text: string): void => {
    // A raw terminal sends no SIGINT.
    if (text.includes('\u0003')) process.kill(process.pid, 'SIGINT');
    else this.#taken?.(text);
  };

  [Symbol.dispose](): void {
    this.#stdin.off('data', this.#take).pause();
    this.#stdin.setRawMode(false);
  }
}
