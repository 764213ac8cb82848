import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { watchPath, type PathWatch, type PathWatchOptions } from '../../../src/lib/watch.ts';

interface Place {
  directory: string;
  /** How many changes were reported. */
  told(): number;
  /** Resolves once the change by `act` was reported. */
  tells(act: () => Promise<unknown>): Promise<void>;
  watch(target: string, only?: PathWatchOptions['only']): PathWatch;
}

const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swarm-watch-'));
  const watches: PathWatch[] = [];
  onCleanup(async () => {
    for (const watch of watches) await watch.close();
    await rm(directory, { recursive: true });
  });
  let told = 0;
  return {
    directory,
    told: () => told,
    tells: async (act) => {
      const before = told;
      await act();
      await expect.poll(() => told, { timeout: 10_000, interval: 5 }).toBeGreaterThan(before);
    },
    watch: (target, only) => {
      const failed = (error: unknown): never => {
        throw error;
      };
      const watch = watchPath(target, { changed: () => (told += 1), failed, ...(only === undefined ? {} : { only }) });
      watches.push(watch);
      return watch;
    },
  };
});

test('a file is told of when it appears, changes, is replaced, goes and is made anew', async ({ place }) => {
  const file = path.join(place.directory, 'file.yaml');
  const replace = async (): Promise<void> => {
    await writeFile(`${file}.new`, 'another');
    await rename(`${file}.new`, file);
  };
  place.watch(file);
  await place.tells(() => writeFile(file, 'first'));
  for (let round = 0; round < 3; round += 1) {
    await place.tells(() => writeFile(file, 'second, and longer'));
    await place.tells(replace);
    await place.tells(replace);
    await place.tells(() => rm(file));
    await place.tells(() => writeFile(file, 'anew'));
  }
});

test('of a directory only the entries count that are asked for, what is there at first among them', async ({
  place,
}) => {
  const wanted = path.join(place.directory, 'wanted');
  await writeFile(wanted, 'there');
  await mkdir(path.join(place.directory, 'below'));
  await place.tells(async () => void place.watch(place.directory, (name) => name.startsWith('wanted')));
  await place.tells(() => writeFile(wanted, 'changed'));
  const before = place.told();
  await writeFile(path.join(place.directory, 'other'), 'not asked for');
  await writeFile(path.join(place.directory, 'below/wanted'), 'too deep');
  await place.tells(() => writeFile(`${wanted}.2`, 'asked for'));
  expect(place.told() - before).toBeLessThanOrEqual(2);
});

test('nothing is told after the end, also where it comes before the beginning', async ({ place }) => {
  const file = path.join(place.directory, 'file');
  const [early, late] = [place.watch(file), place.watch(file)];
  await early.close();
  await place.tells(() => writeFile(file, 'told once'));
  await late.close();
  const before = place.told();
  await writeFile(file, 'not told');
  await place.tells(async () => void place.watch(file));
  expect(place.told()).toBe(before + 1);
});
