import type { StatusDocument } from '../../api/documents.ts';
import { degradedOf, type ProbeError } from '../../health/index.ts';
import type { Store } from '../../store/store.ts';

export interface DegradedWorld {
  broker(): StatusDocument['broker'];
  tmux(): ProbeError | null;
  store: Pick<Store, 'trouble'>;
  /** What holds more than one agent, each in a few words. */
  holds(): string[];
  goingDown(): boolean;
}

/** What of this swarm does not work now. */
export class Degraded {
  readonly #world: DegradedWorld;
  #broker = { state: '', since: 0 };

  constructor(world: DegradedWorld) {
    this.#world = world;
  }

  /** Once a second, so that it is known since when. */
  tick(): void {
    const { state } = this.#world.broker();
    if (state !== this.#broker.state) this.#broker = { state, since: Date.now() };
  }

  get list(): string[] {
    const { broker, tmux, store, holds, goingDown } = this.#world;
    if (goingDown()) return [];
    this.tick();
    return degradedOf({
      broker: { ...this.#broker, reason: broker().reason },
      tmux: tmux(),
      store: store.trouble,
      holds: holds(),
    });
  }
}
