import path from 'node:path';
import { expect, it } from 'vitest';
import { commitTurn } from '../../../src/git/task/commit-turn.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';

/** A worktree at work on t2, where the agent has checked out the branch of t1, whose result it is. */
async function astray(repository: TestRepository) {
  const worktree = path.join(repository.home, 'repo.swarm', 'worker-1');
  await addWorktree({ root: repository.root, path: worktree, commit: 'main' });
  const git = (...args: string[]): string => repository.git(args, worktree);
  git('switch', '-q', '-c', 'swarm/task/t1');
  const result = repository.commit({ 'one.txt': 'one\n' }, 'one', worktree);
  git('switch', '-q', '-c', 'swarm/task/t2', 'main');
  git('switch', '-q', 'swarm/task/t1');
  const commit = () =>
    commitTurn({ worktree, message: 'two', trailers: { 'Swarm-Task': 't2' }, branch: 'swarm/task/t2' });
  return { worktree, git, result, commit };
}

it('never commits onto the branch of another task, which would hold work after its result', async () => {
  using repository = makeRepository();
  const { worktree, git, result, commit } = await astray(repository);
  repository.write({ 'two.txt': 'two\n' }, worktree);
  const turn = await commit();
  expect(git('rev-parse', 'swarm/task/t1')).toBe(result);
  // The task's own branch grows by it, as when the agent has detached HEAD.
  expect(turn).toMatchObject({ outcome: 'committed', branch: 'swarm/task/t2' });
  expect(git('rev-parse', 'swarm/task/t2')).toBe(turn.head);
  expect(git('show', '--format=', '--name-only', turn.head)).toBe('two.txt');
  expect(git('status', '--porcelain')).toBe('');
});

it('nor onto the branch that tasks start from, which is moved by merges alone', async () => {
  using repository = makeRepository();
  const { worktree, git } = await astray(repository);
  repository.git(['switch', '-q', '-c', 'of-the-person']);
  git('switch', '-q', 'main');
  const main = git('rev-parse', 'main');
  repository.write({ 'two.txt': 'two\n' }, worktree);
  const turn = await commitTurn({
    worktree,
    message: 'two',
    trailers: {},
    branch: 'swarm/task/t2',
    base: { branch: 'main', commit: main },
  });
  expect(git('rev-parse', 'main')).toBe(main);
  expect(turn).toMatchObject({ outcome: 'committed', branch: 'swarm/task/t2' });
  expect(git('rev-parse', 'swarm/task/t2')).toBe(turn.head);
});

it('does not take the branch of another task for the result while work of this one is on its own', async () => {
  using repository = makeRepository();
  const { worktree, git, result, commit } = await astray(repository);
  git('switch', '-q', 'swarm/task/t2');
  const own = repository.commit({ 'two.txt': 'two\n' }, 'two', worktree);
  git('switch', '-q', 'swarm/task/t1');
  repository.write({ 'three.txt': 'three\n' }, worktree);
  expect(await commit()).toMatchObject({ outcome: 'unresolved', head: result, astray: 'swarm/task/t1' });
  expect([git('rev-parse', 'swarm/task/t1'), git('rev-parse', 'swarm/task/t2')]).toEqual([result, own]);
  // The agent is told so, and comes back.
  git('switch', '-q', 'swarm/task/t2');
  const turn = await commit();
  expect(turn).toMatchObject({ outcome: 'committed', branch: 'swarm/task/t2' });
  expect(git('show', '--format=', '--name-only', turn.head, own)).toBe('three.txt\ntwo.txt');
});
