import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { anAgent, type Agent } from './agent.ts';

const PLAIN_USER = path.join(import.meta.dirname, 'plain-user.ts');

interface Outcome {
  done?: unknown;
  code?: string;
  message?: string;
  hint?: string;
}

/** As a user who is bound by the rights of files: root, who may run the tests, is not. */
function asPlainUser(step: 'prepare' | 'clean' | 'remove', argument: object): Outcome {
  const argv = ['--map-user=54321', '--map-group=54321', process.execPath, PLAIN_USER, step, JSON.stringify(argument)];
  return JSON.parse(execFileSync('unshare', argv, { encoding: 'utf8' })) as Outcome;
}

/** Leaves a directory as Go's module cache does: neither it nor what is in it may be written to. */
function leave(worktree: string, name: string): void {
  const place = path.join(worktree, name, 'pkg');
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, 'go.mod'), 'module x\n');
  for (const directory of [place, path.dirname(place)]) chmodSync(directory, 0o555);
}

const nextTask = (repository: TestRepository, agent: Agent, checkpoint: string): object => ({
  root: repository.root,
  worktree: agent.worktree,
  taskBranch: 'swarm/task/t2',
  base: { branch: 'main', commit: repository.git(['rev-parse', 'main']) },
  on: null,
  merges: [],
  checkpoint,
});

describe('A directory that its owner has closed to writing', () => {
  it('keeps no further task from its agent, be it in the last result or left over', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    leave(agent.worktree, 'committed');
    agent.git('add', '-A');
    agent.git('commit', '-qm', 'with a module cache');
    leave(agent.worktree, 'left');
    agent.git('add', '-A');
    const checkpoint = agent.git('commit-tree', '-m', 'a checkpoint', agent.git('write-tree'));
    agent.git('reset', '-q');
    const prepared = asPlainUser('prepare', nextTask(repository, agent, checkpoint));
    expect(prepared).toMatchObject({
      done: { leftovers: expect.arrayContaining(['committed/pkg/go.mod']) as unknown },
    });
    expect(agent.git('status', '--porcelain')).toBe('');
    expect(readdirSync(agent.worktree).filter((name) => name !== '.git')).toEqual(
      readdirSync(repository.root).filter((name) => name !== '.git'),
    );
  });

  it('keeps no litter of a check', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    leave(agent.worktree, 'litter');
    const commit = agent.git('rev-parse', 'HEAD');
    expect(asPlainUser('clean', { worktree: agent.worktree, commit })).toEqual({ done: ['litter/pkg/go.mod'] });
    expect(existsSync(path.join(agent.worktree, 'litter'))).toBe(false);
  });

  it('goes with its worktree when it is ignored', async () => {
    using repository = makeRepository({ files: { '.gitignore': 'cache/\n' } });
    const agent = await anAgent(repository);
    leave(agent.worktree, 'cache');
    expect(asPlainUser('remove', { root: repository.root, path: agent.worktree })).toEqual({ done: null });
    expect(existsSync(agent.worktree)).toBe(false);
  });
});

describe('A directory that cannot be read', () => {
  it('keeps its worktree whole, with how to open it', async () => {
    using repository = makeRepository({ files: { '.gitignore': 'cache/\n' } });
    const agent = await anAgent(repository);
    const closed = path.join(agent.worktree, 'cache');
    mkdirSync(closed);
    writeFileSync(path.join(closed, 'x'), 'x\n');
    chmodSync(closed, 0o000);
    const outcome = asPlainUser('remove', { root: repository.root, path: agent.worktree });
    expect(outcome).toMatchObject({ code: 'closed-directory', message: expect.stringContaining(closed) as unknown });
    expect(outcome.hint).toContain('chmod -R u+rwX');
    expect(statSync(path.join(agent.worktree, '.git')).isFile()).toBe(true);
    expect(agent.git('status', '--porcelain')).toBe('');
    chmodSync(closed, 0o700);
  });
});

it('A worktree whose directory was removed by hand is forgotten', async () => {
  using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
  const agent = await anAgent(repository);
  rmSync(agent.worktree, { recursive: true });
  await removeWorktree({ root: repository.root, path: agent.worktree });
  expect(repository.git(['worktree', 'list'])).not.toContain('worker-1');
});
