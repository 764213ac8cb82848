import type { Logger } from 'pino';
import { bootId } from '../../process/index.ts';
import type { Store } from '../../store/store.ts';

export interface Places {
  read(): string[];
  keep(agents: readonly string[]): void;
}

/**
 * The agents that have run, for a supervisor that was started again: even when its agents died together with it, they
 * come back to resources that were their own a moment ago. After a boot of the machine none has a place.
 */
export function storedPlaces({ store, log }: { store: Store; log: Logger }): Places {
  const boot = bootId();
  return {
    read: () => {
      const kept = store.notes.get('admission.places');
      return kept?.boot === boot ? kept.agents : [];
    },
    keep: (agents) => {
      const note = { boot, agents: [...agents] };
      store
        .write(() => store.notes.set('admission.places', note))
        .catch((error: unknown) => log.error({ err: error }, 'the list of agents that have run could not be kept'));
    },
  };
}
