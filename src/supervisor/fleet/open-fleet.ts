import type { Store } from '../../store/store.ts';
import { DeathsMemory } from './deaths-memory.ts';
import type { FleetDependencies } from './fleet-dependencies.ts';
import { Fleet } from './fleet.ts';

export type FleetWorld = Omit<FleetDependencies, 'now' | 'memory'> & { store: Store };

/** The fleet of one project, with what the store keeps of it. */
export function openFleet(world: FleetWorld): Fleet {
  return new Fleet({ ...world, now: () => Date.now(), memory: new DeathsMemory(world) });
}
