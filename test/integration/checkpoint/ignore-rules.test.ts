import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitSpawnCount } from '../../../src/git/git.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

/** diff-files, ls-files, update-index, write-tree, fast-import; references in files are read without one. */
const FEWEST = 5;
const MOST_CAPTURES = 20;

/** Captures until git is asked nothing about ignored files, which needs patterns that have stood for a moment. */
async function settle(world: World): Promise<void> {
  for (let at = 0; at < MOST_CAPTURES; at += 1) {
    world.write({ 'stirred.txt': `${at}\n` });
    const before = gitSpawnCount();
    await world.store.capture({ reason: `settle ${at}` });
    if (gitSpawnCount() - before === FEWEST) return;
  }
  throw new Error(`a capture still takes more than ${FEWEST} processes`);
}

async function captured(world: World): Promise<string[]> {
  const { tree } = await world.store.capture({ reason: 'what is held now' });
  return world.git('ls-tree', '-r', '--name-only', tree).split('\n');
}

describe('Patterns that git was asked about before', () => {
  const START = { 'dir/a.txt': 'a\n', 'gone/f.txt': 'f\n' };
  const exclude = (world: World): string => path.join(world.repository.gitCommonDir, 'info', 'exclude');
  const changes: Record<string, (world: World) => void> = {
    'a .gitignore that ignores itself': (world) => world.write({ 'dir/.gitignore': '*\n' }),
    'the exclude file of the repository': (world) => writeFileSync(exclude(world), 'b.txt\n'),
    'a .gitignore above': (world) => world.write({ '.gitignore': 'dir/b*\n' }),
    'another file by configuration': (world) => {
      world.write({ '../patterns': 'b.txt\n' });
      world.git('config', 'core.excludesFile', path.join(world.worktree, '../patterns'));
    },
  };
  it.each(Object.entries(changes))('are asked again after a change of %s', async (_, change) => {
    using world = await makeWorld({ refs: 'files', files: START });
    world.write({ 'dir/b.txt': 'untracked\n' });
    await settle(world);
    expect(await captured(world)).toContain('dir/b.txt');
    change(world);
    const held = await captured(world);
    expect(held).toContain('dir/a.txt');
    expect(held).not.toContain('dir/b.txt');
  });

  it('are asked again when a file of them goes', async () => {
    using world = await makeWorld({ refs: 'files', files: START });
    world.write({ 'dir/b.txt': 'untracked\n', 'dir/.gitignore': '*\n' });
    await settle(world);
    expect(await captured(world)).not.toContain('dir/b.txt');
    rmSync(path.join(world.worktree, 'dir/.gitignore'));
    expect(await captured(world)).toEqual(expect.arrayContaining(['dir/a.txt', 'dir/b.txt']));
  });

  it('are asked again when a directory of tracked files comes back with patterns of its own', async () => {
    using world = await makeWorld({ refs: 'files', files: START });
    rmSync(path.join(world.worktree, 'gone'), { recursive: true });
    await settle(world);
    world.write({ 'gone/f.txt': 'f again\n', 'gone/.gitignore': '*\n' });
    expect(await captured(world)).toContain('gone/f.txt');
  });

  it('hold what is tracked although ignored, when it goes and comes back', async () => {
    using world = await makeWorld({ refs: 'files', files: { '.gitignore': 'out/\n' } });
    world.write({ 'out/kept.js': 'v1\n' });
    world.git('add', '-f', 'out/kept.js');
    await settle(world);
    rmSync(path.join(world.worktree, 'out'), { recursive: true });
    expect(await captured(world)).not.toContain('out/kept.js');
    world.write({ 'out/kept.js': 'v2\n' });
    expect(await captured(world)).toContain('out/kept.js');
  });
});

describe('The count of changed files', () => {
  it('leaves out a file that was written with the same text', async () => {
    using world = await makeWorld({ refs: 'files', files: { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' } });
    await settle(world);
    world.write({ 'a.txt': 'a\n', 'b.txt': 'other\n', 'd.txt': 'new\n' });
    rmSync(path.join(world.worktree, 'c.txt'));
    await world.store.capture({ reason: 'one the same, one other, one new, one gone' });
    expect((await world.store.list()).at(-1)?.files).toBe(3);
  });
});
