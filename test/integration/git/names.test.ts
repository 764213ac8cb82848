import { expect, it, describe } from 'vitest';
import { undoMerge } from '../../../src/git/merge/undo-merge.ts';
import { readHead, readSymbolicRef } from '../../../src/git/repository/repository.ts';
import { highestTaskNumber, taskBranchesBlocked } from '../../../src/git/task/task-branches.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { aResult, anAgent, merge } from './agent.ts';

describe('A tag with the name of a branch', () => {
  it('does not hide the branch that is checked out', async () => {
    using repository = makeRepository();
    repository.git(['tag', 'main']);
    const commit = repository.commit({ 'a.txt': 'a\n' });
    expect(await readHead(repository.root)).toEqual({ branch: 'main', commit });
    repository.git(['update-ref', 'refs/remotes/origin/main', commit]);
    repository.git(['symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main']);
    repository.git(['tag', 'origin/main']);
    expect(await readSymbolicRef(repository.root, 'refs/remotes/origin/HEAD', 'refs/remotes/origin/')).toBe('main');
  });

  it('is taken neither for the base of a task, nor for its branch, nor for what it is merged into', async () => {
    using repository = makeRepository();
    for (const tag of ['main', 'swarm/task/t1']) repository.git(['tag', tag]);
    const agent = await anAgent(repository);
    const tip = repository.commit({ 'a.txt': 'a\n' });
    expect(await agent.prepare()).toMatchObject({ commit: tip });
    agent.write({ 'b.txt': 'b\n' });
    const { head, branch } = await agent.commit();
    expect([branch, repository.git(['rev-parse', 'refs/heads/swarm/task/t1'])]).toEqual(['swarm/task/t1', head]);
    expect(await agent.prepare({ taskBranch: 'swarm/task/t2' })).toMatchObject({ commit: tip });
    const merged = await merge(repository, head);
    expect(repository.git(['rev-parse', 'refs/heads/main'])).toBe(merged.commit);
    await undoMerge({ root: repository.root, into: 'main', before: merged.before, after: merged.commit });
    expect(repository.git(['rev-parse', 'refs/heads/main'])).toBe(tip);
  });
});

it('A base branch that is gone is an error with a cure: no task begins at an old commit instead', async () => {
  using repository = makeRepository();
  const agent = await anAgent(repository);
  const commit = repository.git(['rev-parse', 'HEAD']);
  const error = { code: 'unknown-base', lasting: true, message: expect.stringContaining('gone') as string };
  await expect(agent.prepare({ base: { branch: 'gone', commit } })).rejects.toMatchObject(error);
  const on = aResult(repository, 't9', { 'b.txt': 'b\n' });
  expect(await agent.prepare({ base: { branch: 'gone', commit }, on })).toMatchObject({ commit: on });
});

describe('A branch that stands where branches of tasks go', () => {
  it.each(['swarm', 'swarm/task'])('%s is found, with the command that renames it', async (name) => {
    using repository = makeRepository();
    expect(await taskBranchesBlocked(repository.root)).toBeNull();
    const agent = await anAgent(repository);
    repository.git(['branch', name]);
    const found = await taskBranchesBlocked(repository.root);
    expect(found).toMatchObject({ code: 'task-branches-blocked', lasting: true });
    await expect(agent.prepare()).rejects.toMatchObject({ code: 'task-branches-blocked', hint: found?.hint });
    const [, command = ''] = /`git (.*)`/.exec(found?.hint ?? '') ?? [];
    repository.git(command.split(' '));
    expect(await agent.prepare()).toMatchObject({ conflict: null });
  });

  it('takes the number of a task away, also with a branch below it', async () => {
    using repository = makeRepository();
    for (const name of ['swarm/task/t2', 'swarm/task/t7/try', 'swarm/task/t70x', 'other/t9'])
      repository.git(['branch', name]);
    expect(await highestTaskNumber(repository.root)).toBe(7);
  });
});

describe('The setting merge.verifySignatures', () => {
  it('is obeyed before anything changes, and named', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'a.txt': 'a\n' });
    repository.git(['config', 'merge.verifySignatures', 'true']);
    const before = repository.git(['rev-parse', 'main']);
    const error = await merge(repository, commit).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'unsigned',
      message: expect.stringContaining('merge.verifySignatures') as string,
    });
    expect(repository.git(['rev-parse', 'main'])).toBe(before);
    const [, command = ''] = /`git (merge .*?)`/.exec((error as { hint: string }).hint) ?? [];
    repository.git([...command.split(' '), '-q']);
    expect(repository.git(['log', '-1', '--format=%H', 'main'])).toBe(commit);
  });

  it('does not keep a task from the results that it builds on', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    repository.git(['config', 'merge.verifySignatures', 'true']);
    const merges = ['t2', 't3'].map((task) => ({ task, commit: aResult(repository, task, { [`${task}.txt`]: task }) }));
    expect(await agent.prepare({ merges })).toMatchObject({ conflict: null });
  });
});
