import type { Logger } from 'pino';

interface Part {
  tick(): void | Promise<unknown>;
}

/** One timer for everything that is done again and again, in an order that stands in one place. */
export class Ticker {
  readonly #parts: Readonly<Record<string, Part>>;
  readonly #log: Pick<Logger, 'error'>;
  #timer: NodeJS.Timeout | null = null;

  /** @param parts by name, in the order in which they are called; a throw is logged and keeps no other from its turn */
  constructor(parts: Readonly<Record<string, Part>>, log: Pick<Logger, 'error'>) {
    this.#parts = parts;
    this.#log = log;
  }

  begin(intervalMs: number): void {
    this.#timer = setInterval(() => this.tick(), intervalMs);
  }

  tick(): void {
    for (const [name, part] of Object.entries(this.#parts)) {
      const failed = (error: unknown): void => this.#log.error({ err: error, part: name }, 'a tick failed');
      try {
        Promise.resolve(part.tick()).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
