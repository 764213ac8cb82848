import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { beginJournal, journalPath } from '../../../src/checkpoint/restore/journal.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { gitFacts, walk } from './walk.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

/**
 * Checkpoints of two states, and the second one at hand. Of the first, a file in the middle cannot be read: git then
 * fails when it has removed files, and has written some and others not.
 */
async function unreadable(): Promise<{ world: World; n: number; safety: number; was: unknown }> {
  const world = await makeWorld({ files: { 'a.txt': 'a\n', 'm.txt': 'm\n', 'z.txt': 'z\n', 'dir/old.txt': 'old\n' } });
  world.write({ 'a.txt': 'first a\n', 'dir/m.txt': `first, and only here\n`, 'z.txt': 'first z\n' });
  const { n, commit } = await world.store.capture({ reason: 'the first state' });
  const blob = world.git('rev-parse', `${commit}:dir/m.txt`);
  world.write({
    'a.txt': 'second a\n',
    'dir/m.txt': 'second\n',
    'new/b.txt': 'not in the first\n',
    'z.txt': 'second z\n',
  });
  rmSync(path.join(world.worktree, 'dir/old.txt'));
  world.git('add', 'new/b.txt');
  const { n: safety } = await world.store.capture({ reason: 'the second state' });
  rmSync(path.join(world.store.place.gitCommonDir, 'objects', blob.slice(0, 2), blob.slice(2)));
  return { world, n, safety, was: observed(world) };
}

const observed = ({ repository, worktree }: World): unknown => [walk(worktree), gitFacts(repository, worktree)];

it('a rollback, or the undo of one, that git cannot carry out leaves all as it was, by itself', async () => {
  const { world, n, was } = await unreadable();
  using _ = world;
  await expect(world.store.rollback(n)).rejects.toThrow(/unable to read|dir\/m\.txt/);
  expect(observed(world)).toEqual(was);
  expect(existsSync(journalPath(world.store.place))).toBe(false);
  world.write({ 'since.txt': 'the agent goes on\n' });
  expect((await world.store.capture({ reason: 'goes on' })).created).toBe(true);
});

it('a rollback that a kill cut short, and that git cannot end, is taken back at the next start', async () => {
  const { world, n, safety, was } = await unreadable();
  using _ = world;
  await beginJournal(world.store.place, { n, safety, at: new Date(0).toISOString() });
  // As far as git had come.
  rmSync(path.join(world.worktree, 'new'), { recursive: true });
  world.write({ 'a.txt': 'first a\n' });
  expect(await new CheckpointStore(world.store.place).recover()).toEqual({ n, safety, outcome: 'undone' });
  expect(observed(world)).toEqual(was);
});

it('files that git cannot bring back by name leave all as it was, directories that are empty too', async () => {
  const { world, n } = await unreadable();
  using _ = world;
  rmSync(path.join(world.worktree, 'dir/m.txt'));
  const was = observed(world);
  await expect(world.store.restorePaths(n, ['a.txt', 'dir', 'z.txt'], {})).rejects.toThrow(
    /unable to read|dir\/m\.txt/,
  );
  expect(observed(world)).toEqual(was);
  expect((await world.store.restorePaths(n, ['a.txt', 'z.txt'], {})).changed).toEqual(['a.txt', 'z.txt']);
});
