import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test as base } from 'vitest';
import { configOf } from '../../../src/config/index.ts';
import type { watchPath } from '../../../src/lib/watch.ts';
import { Store } from '../../../src/store/store.ts';
import { Settings } from '../../../src/supervisor/settings/settings.ts';
import { BEGIN, events, silentLog } from '../../unit/supervisor/kit.ts';

interface Place {
  file: string;
  /** Lets time pass, ms: after ten seconds the file is read without any event too. */
  pass(ms: number): void;
  begin(watch?: typeof watchPath): Promise<Settings>;
}

/** Lets the supervisor's clock tick until the settings are in force, and on until no look is due. */
async function counts(settings: Settings, seconds: number): Promise<void> {
  const grace = async (): Promise<number> => {
    await settings.tick();
    return settings.config.stopGrace;
  };
  await expect.poll(grace, { interval: 20 }).toBe(seconds * 1_000);
  for (let tick = 0; tick < 3; tick += 1) await settings.tick();
}

const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'swarm-settings-'));
  const open: Settings[] = [];
  // So slow that no look but the first is due by itself.
  let now = BEGIN;
  onCleanup(async () => {
    for (const settings of open) await settings.close();
    await rm(root, { recursive: true });
  });
  return {
    file: path.join(root, 'swarm.yaml'),
    pass: (ms) => {
      now += ms;
    },
    begin: async (watch) => {
      const settings = new Settings({
        config: await configOf(null, root),
        version: null,
        refused: null,
        place: { root, stateDir: root },
        store: Store.memory(),
        log: silentLog,
        events: events().log,
        now: () => (now += 1),
        applied: async () => undefined,
        ...(watch === undefined ? {} : { watch }),
      });
      open.push(settings);
      return settings;
    },
  };
});

test('a file that was not there counts once it is', async ({ place }) => {
  const settings = await place.begin();
  await settings.tick();
  // A missing file counts too, after a while.
  place.pass(4_000);
  await counts(settings, settings.config.stopGrace / 1_000);
  await writeFile(place.file, 'stopGrace: 41s\n');
  await counts(settings, 41);
});

test('a file counts that editors put in the place of the one before, and one that is changed where it is', async ({
  place,
}) => {
  await writeFile(place.file, 'stopGrace: 1s\n');
  const settings = await place.begin();
  for (let seconds = 2; seconds <= 9; seconds += 1) {
    const text = `stopGrace: ${seconds}s\n`;
    if (seconds % 3 === 0) await writeFile(place.file, text);
    else {
      await writeFile(`${place.file}~new`, text);
      await rename(`${place.file}~new`, place.file);
    }
    await counts(settings, seconds);
  }
});

test('a file that is deleted and made anew counts', async ({ place }) => {
  const settings = await place.begin();
  for (const seconds of [11, 12, 13]) {
    await writeFile(place.file, `stopGrace: ${seconds}s\n`);
    await counts(settings, seconds);
    await rm(place.file);
  }
  await writeFile(place.file, 'stopGrace: 14s\n');
  await counts(settings, 14);
});

test('a file counts that is a link to one elsewhere', async ({ place }) => {
  const elsewhere = await mkdtemp(path.join(os.tmpdir(), 'swarm-elsewhere-'));
  onTestFinished(() => rm(elsewhere, { recursive: true }));
  const target = path.join(elsewhere, 'shared.yaml');
  await writeFile(target, 'stopGrace: 31s\n');
  await symlink(target, place.file);
  const settings = await place.begin();
  await counts(settings, 31);
  await writeFile(target, 'stopGrace: 32s\n');
  await counts(settings, 32);
});

test('a change that no watch told of counts at the next look', async ({ place }) => {
  await writeFile(place.file, 'stopGrace: 21s\n');
  const settings = await place.begin(() => ({ close: async () => undefined }));
  await counts(settings, 21);
  await writeFile(place.file, 'stopGrace: 22s\n');
  await counts(settings, 21);
  place.pass(10_000);
  await counts(settings, 22);
});
