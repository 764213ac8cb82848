import type { Logger } from 'pino';
import { bootId } from '../../process/index.ts';
import type { Store } from '../../store/store.ts';

const KEY = 'admission.places';

export interface Places {
  read(): string[];
  keep(agents: readonly string[]): void;
}

interface Note {
  boot: string;
  agents: string[];
}

/**
 * Who has run, for a supervisor that was started again: also when its agents died together with it they come back to
 * what was their own a moment ago. After a boot of the machine it is nobody's.
 */
export function storedPlaces({ store, log }: { store: Store; log: Logger }): Places {
  const boot = bootId();
  return {
    read: () => {
      const kept = store.kv.get(KEY) as Note | undefined;
      return kept?.boot === boot ? kept.agents : [];
    },
    keep: (agents) => {
      const note: Note = { boot, agents: [...agents] };
      store
        .write(() => store.kv.set(KEY, note))
        .catch((error: unknown) => log.error({ err: error }, 'who has run could not be kept'));
    },
  };
}
