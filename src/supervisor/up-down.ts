import type { Purge } from './history/purge.ts';
import type { Logger } from 'pino';
import type { UpDocument, UpRequest } from '../api/documents.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { KeyedMutex } from '../lib/mutex.ts';

export interface UpDownDeps {
  log: Logger;
  now(): number;
  /** Brings up whom the request asks for, in the store and in the fleet. */
  call(request: UpRequest): Promise<UpDocument>;
  /** From now on nobody is to be there; who was is remembered. */
  goDown(): void;
  /** The same, for the next supervisor. */
  dismiss(): Promise<void>;
  goingDown(): boolean;
  /** Nothing of any agent runs any more. */
  quiet(): boolean;
  /** Ends this supervisor; `everything`: with all that it supervises. Never rejects. */
  end(how: { everything: boolean; purge: Purge | null }): Promise<void>;
}

const LANE = 'power';
/**
 * A supervisor that finds on its start that nobody is to be there was started by an `up` that is about to speak, or to
 * end what a dead one left. The former needs time to be heard, ms.
 */
const FIRST_WORD_MS = 5_000;

/** `up`, `down` and the end, in an order in which none of them is lost: the last word counts, in the store too. */
export class UpDown {
  readonly #deps: UpDownDeps;
  readonly #lane = new KeyedMutex();
  readonly #beganAt: number;
  /** Orders that are being carried out or wait for it. */
  #orders = 0;
  #ordered = false;
  #purge: Purge | null = null;
  #signalled = false;
  #ending: Promise<void> | null = null;

  constructor(deps: UpDownDeps) {
    this.#deps = deps;
    this.#beganAt = deps.now();
  }

  up(request: UpRequest): Promise<UpDocument> {
    return this.#order(() => {
      this.#purge = null;
      return this.#deps.call(request);
    });
  }

  /** Resolves when the order is kept; the end itself follows. */
  down(purge: Purge | null): Promise<void> {
    return this.#order(async () => {
      const { log, goDown, dismiss } = this.#deps;
      this.#purge = purge ?? this.#purge;
      goDown();
      try {
        await dismiss();
      } catch (error) {
        // A disk that is full must not keep anybody from ending.
        log.error({ err: error }, 'that it is to be down could not be kept');
      }
    });
  }

  /** Work that this supervisor must not end in the middle of, whatever is wanted of it meanwhile. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ending !== null) throw ending();
    this.#orders += 1;
    try {
      return await work();
    } finally {
      this.#orders -= 1;
    }
  }

  async #order<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ending !== null) throw ending();
    this.#orders += 1;
    try {
      return await this.#lane.run(LANE, () => {
        if (this.#ending !== null) throw ending();
        this.#ordered = true;
        return work();
      });
    } finally {
      this.#orders -= 1;
    }
  }

  /** Called every second: what is to be down and is down ends, unless an order is on its way. */
  tick(): void {
    const { goingDown, quiet, now } = this.#deps;
    if (this.#ending !== null || this.#orders > 0 || !goingDown() || !quiet()) return;
    if (!this.#ordered && now() - this.#beganAt < FIRST_WORD_MS) return;
    this.#end(true);
  }

  /**
   * Asked to go by the system: what is supervised lives on, and a wrapper starts the next one. While everything goes
   * down there may soon be no wrapper to do so, hence the first such wish is not followed before it is down.
   */
  signal(name: string): void {
    if (this.#ending !== null) return;
    if (this.#deps.goingDown() && !this.#signalled) {
      this.#signalled = true;
      this.#deps.log.warn({ signal: name }, 'everything is going down: this ends afterwards; once more to end now');
      return;
    }
    this.#end(false);
  }

  #end(everything: boolean): void {
    const { end, log } = this.#deps;
    this.#ending = end({ everything, purge: everything ? this.#purge : null });
    this.#ending.catch((error: unknown) => log.error({ detail: errorText(error) }, 'the end was not clean'));
  }
}

/** The code of a supervisor that is not there: who meets it does the same, namely to start one. */
function ending(): SwarmError {
  return new SwarmError('supervisor-down', 'the supervisor is just ending', {
    hint: 'Run `swarm up`.',
    retrySafe: true,
  });
}
