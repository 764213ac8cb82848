import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { snapshotDirty } from '../../../src/git/task/snapshot.ts';
import { dirtySummary } from '../../../src/git/repository/status.ts';
import { excludeInside } from '../../../src/git/worktree/worktree-excludes.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { anAgent, innerOne, inspect, merge, type Agent } from './agent.ts';

const gitlinks = (repository: TestRepository, commit: string): string[] =>
  repository
    .git(['ls-tree', '-r', commit])
    .split('\n')
    .filter((line) => line.startsWith('160000'))
    .map((line) => line.split('\t')[1] ?? '');

describe('A repository that came during a task', () => {
  it.each(['left in the worktree', 'committed by the agent itself'])(
    'stays out of the result, is kept, and is said: %s',
    async (how) => {
      using repository = makeRepository();
      const agent = await anAgent(repository);
      await agent.prepare();
      innerOne(repository, path.join(agent.worktree, 'vendor/lib'));
      agent.git('worktree', 'add', '-q', '-b', 'feature', '.worktrees/feature');
      agent.write({ 'work.txt': 'w\n' });
      if (how.startsWith('committed')) {
        agent.git('add', '-A');
        agent.git('commit', '-qm', 'all of it');
        expect(gitlinks(repository, agent.git('rev-parse', 'HEAD'))).toHaveLength(2);
      }
      const turn = await agent.commit();
      expect([gitlinks(repository, turn.head), agent.git('show', `${turn.head}:work.txt`)]).toEqual([[], 'w']);
      expect(turn).toMatchObject({
        outcome: 'committed',
        notes: [
          expect.stringMatching(/^\.worktrees\/feature is a worktree .* on branch feature/),
          expect.stringMatching(/^vendor\/lib is a git repository of its own/),
        ],
      });
      expect(agent.read('vendor/lib/only-here.txt')).toBe('only here\n');
      const { aside } = await agent.prepare({ taskBranch: 'swarm/task/t2' });
      expect(readFileSync(path.join(aside[0] ?? '', 'vendor/lib/only-here.txt'), 'utf8')).toBe('only here\n');
      const moved = path.join(aside[0] ?? '', '.worktrees/feature');
      expect(repository.git(['status', '--porcelain', '--branch'], moved)).toBe('## feature');
    },
  );

  it('that has no commit yet is said too', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    repository.git(['init', '-q', path.join(agent.worktree, 'empty')]);
    agent.write({ 'empty/file.txt': 'f\n' });
    expect(await agent.commit()).toMatchObject({ outcome: 'unchanged', notes: [expect.stringContaining('empty')] });
  });

  it('is refused by a merge, with nothing changed, unless the branch has it already', async () => {
    using repository = makeRepository();
    innerOne(repository, path.join(repository.root, 'old'));
    const before = repository.commit({}, 'with an old link');
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'work.txt': 'w\n' });
    const { head } = await agent.commit();
    expect(gitlinks(repository, head)).toEqual(['old']);
    innerOne(repository, path.join(agent.worktree, 'new'));
    agent.git('add', 'new');
    agent.git('commit', '-qm', 'a new link');
    await expect(merge(repository, agent.git('rev-parse', 'HEAD'))).rejects.toMatchObject({
      code: 'unmapped-repository',
      message: expect.stringContaining('(new)') as string,
    });
    expect(repository.git(['rev-parse', 'main'])).toBe(before);
    expect(await merge(repository, head)).toMatchObject({ merged: true });
  });

  it('is no part of a snapshot of the checkout, nor is a worktree inside it', async () => {
    using repository = makeRepository();
    repository.git(['worktree', 'add', '-q', '-b', 'probe', '.claude/worktrees/probe']);
    innerOne(repository, path.join(repository.root, 'clone'));
    repository.write({ 'wip.txt': 'wip\n' });
    const { commit, leftOut } = await snapshotDirty({ root: repository.root });
    expect(repository.git(['ls-tree', '-r', '--name-only', commit]).split('\n')).toEqual(['readme.txt', 'wip.txt']);
    expect(leftOut).toEqual(['.claude/worktrees/probe', 'clone']);
  });
});

it('A folder for worktrees inside the checkout is ignored by git, once, unless it is already', async () => {
  using repository = makeRepository({ files: { '.gitignore': 'own/\n' } });
  const inside = path.join(repository.root, '.work trees');
  mkdirSync(inside);
  repository.git(['worktree', 'add', '-q', '--detach', path.join(inside, 'worker-1')]);
  const exclude = (): string => readFileSync(path.join(repository.gitCommonDir, 'info/exclude'), 'utf8');
  const before = exclude();
  await excludeInside(repository.root, path.join(repository.root, 'own'));
  await excludeInside(repository.root, `${repository.root}.swarm`);
  expect(exclude()).toBe(before);
  expect(await dirtySummary(repository.root)).toMatchObject({ count: 1 });
  await excludeInside(repository.root, inside);
  await excludeInside(repository.root, inside);
  expect(exclude()).toBe(`${before}/.work trees/\n`);
  expect(await dirtySummary(repository.root)).toMatchObject({ count: 0 });
});

it('Files outside of a sparse checkout’s cone are committed with the others', async () => {
  using repository = makeRepository({ files: { 'apps/web/a.txt': 'a\n', 'libs/x/b.txt': 'b\n' } });
  repository.git(['sparse-checkout', 'set', '--cone', 'apps/web']);
  const agent = await anAgent(repository);
  await agent.prepare();
  expect(existsSync(path.join(agent.worktree, 'libs'))).toBe(false);
  agent.write({ 'libs/y/new.txt': 'out\n', 'apps/web/new.txt': 'in\n' });
  const { head } = await agent.commit();
  const files = ['apps/web/a.txt', 'apps/web/new.txt', 'libs/x/b.txt', 'libs/y/new.txt'];
  expect(repository.git(['ls-tree', '-r', '--name-only', head]).split('\n')).toEqual(files);
  repository.write({ 'libs/y/wip.txt': 'w\n' });
  const { commit } = await snapshotDirty({ root: repository.root });
  expect(repository.git(['diff', '--name-status', 'main', commit])).toBe('A\tlibs/y/wip.txt');
});

/** A file with a conflict, or with the text of one, in markers of this length. */
const conflict = (size: number): string =>
  `one\n${'<'.repeat(size)} ours\ntwo\n${'='.repeat(size)}\nthree\n${'>'.repeat(size)} theirs\n`;

describe('Conflict markers', () => {
  async function unmerged(attributes: string): Promise<{ repository: TestRepository; agent: Agent }> {
    const repository = makeRepository({ files: { '.gitattributes': attributes, 'doc.md': 'one\ntwo\nthree\n' } });
    repository.git(['switch', '-q', '-c', 'other']);
    repository.commit({ 'doc.md': 'one\nBBB\nthree\n' });
    repository.git(['switch', '-q', 'main']);
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'doc.md': 'one\nAAA\nthree\n' });
    agent.git('commit', '-qam', 'a');
    expect(repository.tryGit(['merge', 'other'], agent.worktree).code).toBe(1);
    return { repository, agent };
  }

  it.each([7, 32])('of %i characters are unresolved, staged or not', async (size) => {
    const { repository, agent } = await unmerged(`*.md conflict-marker-size=${size}\n`);
    using _ = repository;
    expect(agent.read('doc.md')).toContain(`${'<'.repeat(size)} HEAD`);
    expect(await agent.commit()).toMatchObject({ outcome: 'unresolved', files: ['doc.md'] });
    agent.git('add', '-A');
    expect(await agent.commit()).toMatchObject({ outcome: 'unresolved', files: ['doc.md'] });
  });

  it('of another length than the attribute says are the text of the file', async () => {
    const { repository, agent } = await unmerged('*.md conflict-marker-size=15\n');
    using _ = repository;
    agent.write({ 'doc.md': conflict(7) });
    const turn = await agent.commit();
    expect(turn.outcome).toBe('committed');
    expect(await inspect(repository, agent, turn.head)).toEqual({ unresolved: [], notes: [] });
    expect(await merge(repository, turn.head)).toMatchObject({ merged: true });
  });

  it.each([7, 32])(
    'of %i characters are found where the agent committed them, and refused by a merge',
    async (size) => {
      const { repository, agent } = await unmerged(`*.md conflict-marker-size=${size}\n`);
      using _ = repository;
      agent.git('commit', '-qam', 'with markers');
      const { head, outcome } = await agent.commit();
      expect(outcome).toBe('unchanged');
      const { unresolved } = await inspect(repository, agent, head);
      expect(unresolved).toEqual(['doc.md', expect.stringContaining('conflict-marker-size')]);
      const before = repository.git(['rev-parse', 'main']);
      await expect(merge(repository, head)).rejects.toMatchObject({ code: 'conflict-markers' });
      expect(repository.git(['rev-parse', 'main'])).toBe(before);
    },
  );

  it('without a merge in the task, as in a file about conflicts, are said', async () => {
    using repository = makeRepository({ files: { 'how to: merge.txt': conflict(7), 'title.rst': 'Title\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'how to: merge.txt': `${conflict(7)}more\n`, 'title.rst': 'Title\n=======\n' });
    const first = await agent.commit();
    expect(await inspect(repository, agent, first.head)).toEqual({ unresolved: [], notes: [] });
    agent.write({ 'dir/new ü: 3.txt': conflict(7) });
    const second = await agent.commit();
    expect(await inspect(repository, agent, second.head)).toEqual({
      unresolved: [],
      notes: [expect.stringMatching(/^dir\/new ü: 3\.txt: it has conflict markers/)],
    });
  });
});
