import type { Store } from '../../store/store.ts';
import { DeathsMemory } from './deaths-memory.ts';
import type { FleetDeps } from './fleet-dependencies.ts';
import { Fleet } from './fleet.ts';

export type OpenFleetDeps = Omit<FleetDeps, 'now' | 'memory'> & { store: Store };

/** The fleet of one project, with what the store keeps of it. */
export function openFleet(world: OpenFleetDeps): Fleet {
  return new Fleet({ ...world, now: () => Date.now(), memory: new DeathsMemory(world) });
}
