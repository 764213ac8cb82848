import type { StatusDocument } from '../../api/status/schemas.ts';
import { degradedOf, type ProbeError } from '../../health/index.ts';
import type { Store } from '../../store/store.ts';

export interface DegradedDeps {
  broker(): StatusDocument['broker'];
  tmux(): ProbeError | null;
  store: Pick<Store, 'failure'>;
  /** The holds over more than one agent, each in a few words. */
  holds(): string[];
  goingDown(): boolean;
}

/** The parts of this swarm that do not work now. */
export class Degraded {
  readonly #deps: DegradedDeps;
  #broker = { state: '', since: 0 };

  constructor(deps: DegradedDeps) {
    this.#deps = deps;
  }

  /** Once a second, so that the beginning of each is known. */
  tick(): void {
    const { state } = this.#deps.broker();
    if (state !== this.#broker.state) this.#broker = { state, since: Date.now() };
  }

  get list(): string[] {
    const { broker, tmux, store, holds, goingDown } = this.#deps;
    if (goingDown()) return [];
    this.tick();
    return degradedOf({
      broker: { ...this.#broker, reason: broker().reason },
      tmux: tmux(),
      store: store.failure,
      holds: holds(),
    });
  }
}
