import { constants } from 'node:os';

/** Thrown through a verb that Ctrl-C ended; the verb itself has printed its text. */
export class Interrupted extends Error {
  readonly by: NodeJS.Signals;

  constructor(by: NodeJS.Signals) {
    super(`ended by ${by}`);
    this.name = 'Interrupted';
    this.by = by;
  }
}

/**
 * Ctrl-C for verbs that print or clean up at their end. No signal is caught until a verb asks for it; a second Ctrl-C
 * then ends the program at once.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  #listening = false;
  #by: NodeJS.Signals | null = null;

  get signal(): AbortSignal {
    if (!this.#listening) {
      this.#listening = true;
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, this.#take);
    }
    return this.#controller.signal;
  }

  /** The exit code by which a shell reports the signal, once one came. */
  get exitCode(): number | null {
    return this.#by === null ? null : 128 + constants.signals[this.#by];
  }

  readonly #take = (name: NodeJS.Signals): void => {
    if (this.#by !== null) process.exit(this.exitCode ?? 1);
    this.#by = name;
    this.#controller.abort(new Interrupted(name));
  };

  [Symbol.dispose](): void {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, this.#take);
  }
}
