import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { watchDrops, type DropWatcher } from '../../../src/claude/drops.ts';
import type { watchPath } from '../../../src/lib/watch.ts';

interface Place {
  taken: string[];
  logs: string[];
  watch(how?: typeof watchPath): Promise<DropWatcher>;
  drop(name: string, text: string): Promise<void>;
  left(): Promise<string[]>;
}

const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), "swarm drop's "));
  const watchers: DropWatcher[] = [];
  onCleanup(async () => {
    for (const watcher of watchers) await watcher.close();
    await rm(directory, { recursive: true });
  });
  const [taken, logs]: [string[], string[]] = [[], []];
  return {
    taken,
    logs,
    watch: async (how) => {
      const log = (message: string): void => void logs.push(message);
      const watcher = await watchDrops(directory, (_kind, text) => taken.push(text), log, how);
      watchers.push(watcher);
      return watcher;
    },
    drop: async (name, text) => {
      await writeFile(path.join(directory, '.part.1'), text);
      await rename(path.join(directory, '.part.1'), path.join(directory, name));
    },
    left: () => readdir(directory),
  };
});

/** Shorter than half of the time after which the directory is read without any event. */
const AT_ONCE_MS = 900;

test('a status line that replaces one that was just taken is seen at once, again and again', async ({ place }) => {
  await place.drop('status-line', 'first');
  await place.watch();
  await expect.poll(() => place.taken).toEqual(['first']);
  const took: number[] = [];
  for (let n = 1; n <= 40; n += 1) {
    const droppedAt = performance.now();
    await place.drop(n % 4 === 0 ? `session-start.${n}` : 'status-line', String(n));
    await expect.poll(() => place.taken.at(-1), { interval: 5 }).toBe(String(n));
    took.push(performance.now() - droppedAt);
  }
  // One file may wait on a busy machine; that most wait is no accident.
  expect(took.filter((ms) => ms > AT_ONCE_MS).length).toBeLessThan(4);
  expect(await place.left()).toEqual([]);
});

test('where a watch tells of nothing, nothing is lost: it waits for the next look', async ({ place }) => {
  await place.watch((_target, { failed }) => {
    failed(new Error('no watches are left'));
    return { close: async () => undefined };
  });
  await place.drop('session-start.1', 'dropped');
  await expect.poll(() => place.taken).toEqual(['dropped']);
  expect(place.logs).toEqual(['hook directory is not watched, only re-read']);
});
