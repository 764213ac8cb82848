import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { REF_FORMATS } from '../../support/git-repository.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

const inWorktree = ({ worktree }: World, name: string): string => path.join(worktree, name);

/** Makes a commit on either side to the same file, with HEAD on the own side. */
function diverge({ git, write }: World): void {
  git('checkout', '-q', '-b', 'theirs');
  write({ 'conflict.txt': 'theirs\n' });
  git('commit', '-q', '-am', 'theirs');
  git('checkout', '-q', '-b', 'ours', 'HEAD~1');
  write({ 'conflict.txt': 'ours\n' });
  git('commit', '-q', '-am', 'ours');
}

const trying = ({ repository, worktree }: World, ...args: string[]): { code: number; output: string } =>
  repository.tryGit(args, worktree);

interface Case {
  begin(world: World): void;
  giveUp(world: World): void;
  goOn(world: World): void;
}

/** One commit that was to be picked or reverted, and conflicts. */
const stopped = (verb: 'cherry-pick' | 'revert'): Case => ({
  begin: (world) => {
    const { repository, worktree } = world;
    const commits = ['one\n', 'two\n', 'three\n'].map((text) =>
      repository.commit({ 'conflict.txt': text }, text.trim(), worktree),
    );
    expect(trying(world, verb, commits[1] ?? '').code).not.toBe(0);
    world.write({ 'conflict.txt': 'resolved\n' });
  },
  giveUp: (world) => world.git(verb, '--abort'),
  goOn: (world) => {
    world.git('add', 'conflict.txt');
    world.git('-c', 'core.editor=true', verb, '--continue');
    expect(world.git('log', '-1', '--format=%s')).toMatch(verb === 'revert' ? 'Revert "two"' : 'two');
    expect(world.git('show', 'HEAD:conflict.txt')).toBe('resolved');
  },
});

/** An operation under way, how it is given up, and how it goes on after the rollback. */
const CASES: Record<string, Case> = {
  'a rebase that has set work aside': {
    begin: (world) => {
      diverge(world);
      world.write({ 'a.txt': 'precious\n' });
      expect(trying(world, 'rebase', '--autostash', 'theirs').code).not.toBe(0);
    },
    giveUp: (world) => {
      world.git('rebase', '--abort');
      world.git('reset', '-q', '--hard');
    },
    goOn: (world) => {
      world.git('rebase', '--abort');
      expect(readFileSync(inWorktree(world, 'a.txt'), 'utf8')).toBe('precious\n');
    },
  },
  'a merge that has set work aside': {
    begin: (world) => {
      diverge(world);
      world.write({ 'a.txt': 'precious\n' });
      expect(trying(world, 'merge', '--autostash', 'theirs').code).not.toBe(0);
    },
    giveUp: (world) => {
      world.git('merge', '--abort');
      world.git('reset', '-q', '--hard');
    },
    goOn: (world) => {
      world.git('merge', '--abort');
      expect(readFileSync(inWorktree(world, 'a.txt'), 'utf8')).toBe('precious\n');
    },
  },
  'a rebase of merges': {
    begin: (world) => {
      const { git, write } = world;
      const start = git('rev-parse', 'HEAD');
      git('checkout', '-q', '-b', 'side');
      write({ 'side.txt': 'side\n' });
      git('add', 'side.txt');
      git('commit', '-q', '-m', 'side');
      git('checkout', '-q', '-b', 'line', start);
      write({ 'line.txt': 'line\n' });
      git('add', 'line.txt');
      git('commit', '-q', '-m', 'line');
      git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
      const todo = path.join(world.repository.home, 'todo.sh');
      writeFileSync(todo, '#!/bin/sh\nsed -i "0,/^merge/s//break\\nmerge/" "$1"\n', { mode: 0o755 });
      git('-c', `sequence.editor=${todo}`, 'rebase', '-q', '-f', '-i', '-r', start);
      expect(git('for-each-ref', 'refs/rewritten')).not.toBe('');
    },
    giveUp: (world) => world.git('rebase', '--abort'),
    goOn: (world) => {
      world.git('rebase', '--continue');
      expect(world.git('log', '-1', '--format=%s')).toBe('merge');
    },
  },
  'a cherry-pick': stopped('cherry-pick'),
  'a revert': stopped('revert'),
  'a bisect without a checkout': {
    begin: ({ git }) => {
      for (const at of [1, 2, 3, 4]) git('commit', '-q', '--allow-empty', '-m', `on ${at}`);
      git('bisect', 'start', '--no-checkout', '--first-parent', 'HEAD', 'HEAD~4');
    },
    giveUp: (world) => world.git('bisect', 'reset'),
    goOn: (world) => {
      expect(world.git('bisect', 'good', 'BISECT_HEAD')).toMatch(/revision|first bad commit/);
    },
  },
  'a bisect': {
    begin: ({ git }) => {
      for (const at of [1, 2, 3, 4]) git('commit', '-q', '--allow-empty', '-m', `on ${at}`);
      git('bisect', 'start', 'HEAD', 'HEAD~4');
    },
    giveUp: (world) => world.git('bisect', 'reset'),
    goOn: (world) => {
      expect(world.git('for-each-ref', 'refs/bisect').split('\n')).toHaveLength(2);
      expect(world.git('bisect', 'good')).toMatch(/revision|first bad commit/);
    },
  },
};

describe.each(REF_FORMATS)('With references in %s', (refs) => {
  it.each(Object.entries(CASES))('a rollback brings back %s, whole', async (_name, { begin, giveUp, goOn }) => {
    using world = await makeWorld({ refs, files: { 'a.txt': 'a\n', 'conflict.txt': 'base\n' } });
    begin(world);
    const { n } = await world.store.capture({ reason: 'under way' });
    giveUp(world);
    world.git('reflog', 'expire', '--expire=all', '--all');
    world.git('gc', '-q', '--prune=now');
    await world.store.rollback(n);
    goOn(world);
  });
});
