import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

/** A repository whose only commit is in it. */
function anInnerOne(world: World, name: string, committed = true): void {
  const place = path.join(world.worktree, name);
  mkdirSync(place, { recursive: true });
  world.repository.git(['init', '-q', '-b', 'main', place]);
  world.repository.git(['config', 'user.name', 'inner'], place);
  world.repository.git(['config', 'user.email', 'inner@example.org'], place);
  if (committed) world.repository.commit({ 'only-here.txt': 'only here\n' }, 'only here', place);
  else world.write({ [`${name}/only-here.txt`]: 'only here\n' });
}

interface Case {
  then?: (world: World) => void;
  now: (world: World) => void;
  /** Path of the repository now. */
  at: string;
}

/** `vendor` was a file, and a repository has taken its place. */
const TAKEN: Record<string, Case> = {
  'a repository with a commit': { now: (world) => anInnerOne(world, 'vendor'), at: 'vendor' },
  'one without a commit': { now: (world) => anInnerOne(world, 'vendor', false), at: 'vendor' },
  'one that is ignored': {
    now: (world) => (world.write({ '.gitignore': '/vendor\n' }), anInnerOne(world, 'vendor')),
    at: 'vendor',
  },
  'one deeper inside': { now: (world) => anInnerOne(world, 'vendor/deep/lib'), at: 'vendor/deep/lib' },
  'one where a link was': {
    then: (world) => symlinkSync('readme.txt', path.join(world.worktree, 'vendor')),
    now: (world) => anInnerOne(world, 'vendor'),
    at: 'vendor',
  },
  'one that the index has': {
    now: (world) => (anInnerOne(world, 'vendor'), world.git('add', 'vendor')),
    at: 'vendor',
  },
};

describe('nothing is restored over a repository of its own', () => {
  it.each(Object.entries(TAKEN))('%s', async (_name, { then, now, at }) => {
    using world = await makeWorld();
    if (then === undefined) world.write({ vendor: 'a file\n' });
    else then(world);
    const { n } = await world.store.capture({ reason: 'then' });
    rmSync(path.join(world.worktree, 'vendor'));
    now(world);
    world.write({ 'readme.txt': 'later\n' });
    const refused = {
      code: 'repository-in-the-way',
      message: expect.stringContaining(`${at} is a git repository`) as string,
      hint: expect.stringContaining('Move it out of') as string,
    };
    await expect(world.store.rollback(n)).rejects.toMatchObject(refused);
    await expect(world.store.restorePaths(n, ['vendor'], {})).rejects.toMatchObject(refused);
    // Nothing was changed, and no rollback is unfinished.
    expect(readFileSync(path.join(world.worktree, at, 'only-here.txt'), 'utf8')).toBe('only here\n');
    expect(existsSync(path.join(world.worktree, at, '.git'))).toBe(true);
    expect(readFileSync(path.join(world.worktree, 'readme.txt'), 'utf8')).toBe('later\n');
    expect(await world.store.recover()).toBeNull();
  });

  it('and one that is not in the way stays where it is', async () => {
    using world = await makeWorld();
    const { n } = await world.store.capture({ reason: 'then' });
    anInnerOne(world, 'lib');
    mkdirSync(path.join(world.worktree, 'elsewhere'));
    anInnerOne(world, 'elsewhere/beside');
    symlinkSync('elsewhere', path.join(world.worktree, 'link'));
    const { n: later } = await world.store.capture({ reason: 'later' });
    await world.store.rollback(n);
    await world.store.rollback(later);
    for (const name of ['lib', 'elsewhere/beside'])
      expect(readFileSync(path.join(world.worktree, name, 'only-here.txt'), 'utf8')).toBe('only here\n');
  });
});
