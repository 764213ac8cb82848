import path from 'node:path';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';
import type { RepositoryOptions, TestRepository } from '../../support/git-repository.ts';

/** A repository, one agent's worktree on `swarm/task/t1`, and its checkpoints. */
export interface World extends Disposable {
  repository: TestRepository;
  worktree: string;
  store: CheckpointStore;
  git(...args: string[]): string;
  write(files: Record<string, string | Buffer>): void;
}

export async function makeWorld(options: RepositoryOptions = {}): Promise<World> {
  const repository = makeRepository(options);
  const { worktree, store } = await addAgent(repository, 'worker-1');
  repository.git(['checkout', '-q', '-b', 'swarm/task/t1'], worktree);
  return {
    repository,
    worktree,
    store,
    git: (...args) => repository.git(args, worktree),
    write: (files) => repository.write(files, worktree),
    [Symbol.dispose]: () => repository[Symbol.dispose](),
  };
}

export async function addAgent(
  repository: TestRepository,
  agent: string,
): Promise<{ worktree: string; store: CheckpointStore }> {
  const worktree = path.join(repository.home, 'repo.swarm', agent);
  await addWorktree({ root: repository.root, path: worktree, commit: repository.git(['rev-parse', 'HEAD']) });
  const shadowGit = path.join(repository.home, 'state', 'shadow.git');
  return {
    worktree,
    store: new CheckpointStore({ gitCommonDir: repository.gitCommonDir, shadowGit, worktree, agent }),
  };
}
