import type { BeforeStop } from '../broker/index.ts';
import { listStates } from '../store/place/state-place.ts';

/** For `stopBroker`: copies what only the node holds, of every project of this user. */
export function copyBeforeStop(swarmStateDir: string): BeforeStop {
  return async (broker) => {
    // Loaded only where a node is stopped.
    const { copyAllMessages } = await import('./copies.ts');
    const known = listStates(swarmStateDir).map(({ hash }) => hash);
    return copyAllMessages(broker, known);
  };
}
