import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { capture } from '../../../src/checkpoint/capture.ts';
import { lockIndex } from '../../../src/checkpoint/persons-index.ts';
import { restore } from '../../../src/checkpoint/restore.ts';
import { loadNumber } from '../../../src/checkpoint/saved.ts';
import { DEFAULT_LIMITS } from '../../../src/checkpoint/types.ts';
import { WayFinder } from '../../../src/checkpoint/way.ts';
import { worktreeGitDir } from '../../../src/git/operations.ts';
import { makeWorld } from './world.ts';

it('leaves no file behind that git takes for changed by its times alone', async () => {
  using world = await makeWorld({
    files: Object.fromEntries('abcdef'.split('').map((name) => [`${name}.txt`, '1\n'])),
  });
  const file = (name: string): string => path.join(world.worktree, name);
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '2\n' });
  rmSync(file('b.txt'));
  // The same text, another time; the index of then does not know it.
  utimesSync(file('c.txt'), 1, 1);
  const { changed } = await world.store.rollback(n);
  expect(changed).toEqual(['a.txt', 'b.txt']);
  // Plumbing, which compares nothing but what stat tells.
  expect(world.git('diff-files', '--name-only')).toBe('');
});

it('brings back what changed at the very moment between the capture and the restore', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n', 'b.txt': '1\n' } });
  const { place } = world.store;
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '2\n' });
  const gitDir = worktreeGitDir(world.worktree);
  const context = { place, gitDir, config: [] };
  const target = await loadNumber(place, n);
  const { remembered } = await capture(
    { ...context, limits: DEFAULT_LIMITS, remembered: null, alsoCapture: new Set() },
    { reason: 'safety' },
  );
  const way = await new WayFinder(place, Promise.resolve(target)).find(remembered);
  writeFileSync(path.join(world.worktree, 'a.txt'), 'a third text\n');
  await restore(context, await lockIndex(gitDir, target.index), way, target);
  expect(world.git('status', '--porcelain')).toBe('');
  expect(world.git('diff', 'HEAD', '--name-only')).toBe('');
});
