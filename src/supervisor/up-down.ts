import type { Purge } from './history/purge.ts';
import type { Logger } from 'pino';
import type { UpDocument, UpDownService, UpRequest } from '../api/swarm/schemas.ts';
import { errorText } from '../domain/errors.ts';
import type { OngoingWork } from './project/ongoing-work.ts';
import { KeyedMutex } from '../lib/mutex.ts';

export interface UpDownDeps {
  log: Logger;
  now(): number;
  fleet: { readonly goingDown: boolean; /** Nothing of any agent runs any more. */ readonly quiet: boolean };
  ongoing: OngoingWork;
  /** Brings up the agents that the request asks for, in the store and in the fleet. */
  call(request: UpRequest): Promise<UpDocument>;
  /** From now on no agent should run; which ones did is remembered, also for the next supervisor. */
  goDown(): Promise<void>;
  /** Ends this supervisor; `everything`: with all its agents and services. Never rejects. */
  end(how: { everything: boolean; purge: Purge | null }): Promise<void>;
}

const LANE = 'power';
/**
 * How long a supervisor waits for its first order, ms, when no agent should run at its start: then an `up` started it
 * that is about to order, or that ends the remains of a dead swarm.
 */
const FIRST_WORD_MS = 5_000;

/**
 * Carries out `up`, `down` and the end, in an order in which none of them is lost: the last order counts, in the store
 * too.
 */
export class UpDown implements UpDownService {
  readonly #deps: UpDownDeps;
  readonly #lane = new KeyedMutex();
  readonly #beganAt: number;
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

  /** Resolves when the order is stored; the end itself follows. */
  down({ purge, force }: { purge: boolean; force: boolean }): Promise<void> {
    return this.#order(async () => {
      const { log, goDown } = this.#deps;
      if (purge) this.#purge = { force };
      try {
        await goDown();
      } catch (error) {
        // A full disk must not prevent the end.
        log.error({ err: error }, 'that it is to be down could not be kept');
      }
    });
  }

  #order<T>(work: () => Promise<T>): Promise<T> {
    const { ongoing } = this.#deps;
    return ongoing.during(() =>
      this.#lane.run(LANE, () => {
        ongoing.refuse();
        this.#ordered = true;
        return work();
      }),
    );
  }

  /** Called every second: ends a swarm that is ordered down and is down, unless an order is on its way. */
  tick(): void {
    const { fleet, ongoing, now } = this.#deps;
    if (this.#ending !== null || ongoing.any || !fleet.goingDown || !fleet.quiet) return;
    if (!this.#ordered && now() - this.#beganAt < FIRST_WORD_MS) return;
    this.#end(true);
  }

  /**
   * The system's signal to end: all agents live on, and a wrapper starts the next supervisor. While everything goes
   * down there may soon be no wrapper to do so, hence the first such signal takes effect only when it is down.
   */
  signal(name: string): void {
    if (this.#ending !== null) return;
    if (this.#deps.fleet.goingDown && !this.#signalled) {
      this.#signalled = true;
      this.#deps.log.warn({ signal: name }, 'everything is going down: this ends afterwards; once more to end now');
      return;
    }
    this.#end(false);
  }

  #end(everything: boolean): void {
    const { end, log, ongoing } = this.#deps;
    ongoing.end();
    this.#ending = end({ everything, purge: everything ? this.#purge : null });
    this.#ending.catch((error: unknown) => log.error({ detail: errorText(error) }, 'the end was not clean'));
  }
}
