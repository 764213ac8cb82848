import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test as base } from 'vitest';
import { Store, type StoreOptions } from '../../../src/store/store.ts';

export interface Place {
  directory: string;
  path: string;
  lockPath: string;
  /** Opens the store here; it is closed at the latest at the end of the test. */
  open(options?: Partial<StoreOptions>): Store;
}

/** A directory of its own for each test; nothing but the database may be left in it when the stores are closed. */
export const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swarm-store-'));
  const opened: Store[] = [];
  const place: Place = {
    directory,
    path: path.join(directory, 'state', 'swarm.db'),
    lockPath: path.join(directory, 'state', 'lock.db'),
    open: (options = {}) => {
      const store = Store.open({ path: place.path, lockPath: place.lockPath, ...options });
      opened.push(store);
      return store;
    },
  };
  onCleanup(() => {
    for (const store of opened) store.close();
    const left =
      opened.length === 0
        ? []
        : readdirSync(path.dirname(place.path)).filter((name) => /-(wal|shm|journal)$|\.partial$/.test(name));
    rmSync(directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  });
  return place;
});
