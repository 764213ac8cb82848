import type { Logger } from 'pino';
import { NEW_LEDGER, NOBODY_DIED, type Account, type Ledger, type Mortality } from '../../health/index.ts';
import type { Store } from '../../store/store.ts';

/** The part of the holds that a supervisor needs after a restart. */
export interface HoldsNote {
  accounts: Record<string, Account>;
  /** The number of each wrapper's failures that were taken in. */
  heard: Record<string, { incarnation: string; failures: number }>;
  ledger: Ledger;
  mortality: Mortality;
  /** Names the time from `up` to `down`. */
  run: string;
}

/** The note in the store, written when it has changed, at most with each tick. */
export class HoldsMemory {
  readonly #store: Store;
  readonly #log: Logger;
  #kept: string;
  readonly note: HoldsNote;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
    const kept = store.notes.get('holds');
    this.note = kept ?? { accounts: {}, heard: {}, ledger: NEW_LEDGER, mortality: NOBODY_DIED, run: '' };
    this.#kept = JSON.stringify(this.note);
  }

  keep(): void {
    const text = JSON.stringify(this.note);
    if (text === this.#kept) return;
    const before = this.#kept;
    this.#kept = text;
    const { note } = this;
    this.#store
      .write(() => this.#store.notes.set('holds', note))
      .catch((error: unknown) => {
        this.#kept = before;
        this.#log.error({ err: error }, 'what holds the agents could not be kept');
      });
  }
}
