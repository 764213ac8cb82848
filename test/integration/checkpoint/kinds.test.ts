import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { gitFacts, walk } from './walk.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

interface Case {
  then: (world: World) => void;
  now: (world: World) => void;
  /** Ignored files at the time of the rollback that it leaves or brings back. */
  stay?: string[];
}

const full = (world: World, name: string): string => path.join(world.worktree, name);
const link = (world: World, target: string, name: string): void => symlinkSync(target, full(world, name));
const gone = (world: World, name: string): void => rmSync(full(world, name), { recursive: true });

/** Paths at which another kind of entry lies now. */
const CASES: Record<string, Case> = {
  'a file is a directory with an ignored file': {
    then: ({ write }) => write({ '.gitignore': '*.log\n', out: 'file\n' }),
    now: (world) => {
      unlinkSync(full(world, 'out'));
      world.write({ 'out/k.ts': 'k\n', 'out/x.log': 'precious\n' });
    },
  },
  'a directory is a link to one that holds the same names': {
    then: ({ write }) => write({ 'link/x': 'x\n', 'd/x': 'other\n' }),
    now: (world) => {
      gone(world, 'link');
      link(world, 'd', 'link');
    },
  },
  'a directory is a link to itself': {
    then: ({ write }) => write({ 'loop/x': 'x\n', 'loop/deep/y': 'y\n' }),
    now: (world) => {
      gone(world, 'loop');
      link(world, 'loop', 'loop');
    },
  },
  'a directory is an ignored link': {
    then: ({ write }) => write({ 'link/x': 'x\n', 'd/x': 'other\n' }),
    now: (world) => {
      gone(world, 'link');
      link(world, 'd', 'link');
      world.write({ '.gitignore': 'link\n' });
    },
  },
  'a tracked file that is ignored lies below what is a link': {
    then: (world) => {
      world.write({ 'd/x.log': 'other\n', 'link/x.log': 'x\n', '.gitignore': '*.log\n' });
      world.git('add', '-f', 'link/x.log');
    },
    now: (world) => {
      gone(world, 'link');
      link(world, 'd', 'link');
    },
    stay: ['d/x.log'],
  },
  'a link is a directory, and an ignored file is due back': {
    then: (world) => {
      world.write({ '.gitignore': '*.ign\n', 'd/y': 'y\n' });
      link(world, 'd', 'link');
    },
    now: (world) => {
      unlinkSync(full(world, 'link'));
      world.write({ 'link/x': 'x\n', 'link/z.ign': 'z\n', '.gitignore': '', 'k.ign': 'precious\n' });
    },
    stay: ['k.ign'],
  },
  'a link to somewhere outside is a directory with an empty one': {
    then: (world) => {
      mkdirSync(path.join(world.worktree, '../ext/sub'), { recursive: true });
      link(world, '../ext', 'lk');
    },
    now: (world) => {
      unlinkSync(full(world, 'lk'));
      mkdirSync(full(world, 'lk/sub'), { recursive: true });
    },
  },
  'a closed directory with nothing but an empty one, and one that cannot be written to': {
    then: (world) => {
      mkdirSync(full(world, 'closed/hollow'), { recursive: true });
      chmodSync(full(world, 'closed'), 0o700);
    },
    now: (world) => {
      gone(world, 'closed');
      mkdirSync(full(world, 'fixed/hollow'), { recursive: true });
      chmodSync(full(world, 'fixed'), 0o555);
    },
  },
  'an empty directory is an ignored link to somewhere outside': {
    then: (world) => {
      mkdirSync(path.join(world.worktree, '../ext/sub'), { recursive: true });
      mkdirSync(full(world, 'lk/hollow/deep'), { recursive: true });
    },
    now: (world) => {
      gone(world, 'lk');
      link(world, '../ext', 'lk');
      world.write({ '.gitignore': 'lk\n' });
    },
  },
  'an empty directory is a file that is ignored for ever, another holds one': {
    then: (world) => {
      mkdirSync(full(world, 'out'));
      mkdirSync(full(world, 'holds'));
    },
    now: (world) => {
      world.repository.write({ '.git/info/exclude': 'out\n*.log\n' });
      rmSync(full(world, 'out'), { recursive: true });
      world.write({ out: 'precious\n', 'holds/x.log': 'precious\n' });
    },
    stay: ['holds/x.log'],
  },
};

it.each(Object.entries(CASES))(
  'a rollback and its undo are exact where %s',
  async (_name, { then, now, stay = [] }) => {
    using world = await makeWorld({ files: { 'a.txt': 'a\n' } });
    const outside = path.join(world.worktree, '../ext');
    const seen = (): unknown => ({
      files: walk(world.worktree).filter((line) => !stay.includes(line.split(' ')[0] ?? '')),
      outside: existsSync(outside) ? walk(outside) : [],
      ...gitFacts(world.repository, world.worktree),
      status: '',
    });
    then(world);
    const was = seen();
    const { n } = await world.store.capture({ reason: 'then' });
    now(world);
    const wrecked = walk(world.worktree);
    const { safety } = await world.store.rollback(n);
    expect(seen()).toEqual(was);
    for (const name of stay) expect(existsSync(full(world, name)), name).toBe(true);
    await world.store.rollback(safety);
    expect(walk(world.worktree)).toEqual(wrecked);
  },
);

it('brings a single file back from below what is a link to itself', async () => {
  using world = await makeWorld({ files: { 'a.txt': 'a\n' } });
  world.write({ 'd/x': 'x\n' });
  const { n } = await world.store.capture({ reason: 'then' });
  gone(world, 'd');
  link(world, 'd', 'd');
  await world.store.restorePaths(n, ['d/x'], {});
  expect(walk(full(world, 'd')).join()).toMatch(/^x file/);
});
