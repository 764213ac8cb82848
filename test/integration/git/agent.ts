import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { mergeTask } from '../../../src/git/merge/merge-task.ts';
import { commitTurn } from '../../../src/git/task/commit-turn.ts';
import { inspectResult } from '../../../src/git/task/inspect-result.ts';
import { prepareTask } from '../../../src/git/task/prepare-task.ts';
import type { PrepareTask } from '../../../src/git/task/prepare-task.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import type { TestRepository } from '../../support/git-repository.ts';

export interface Agent {
  worktree: string;
  prepare(change?: Partial<PrepareTask>): ReturnType<typeof prepareTask>;
  commit(message?: string): ReturnType<typeof commitTurn>;
  git(...args: string[]): string;
  write(files: Record<string, string>): void;
  read(name: string): string;
}

/** An agent's worktree, and what its wrapper does there. */
export async function anAgent(repository: TestRepository, name = 'worker-1'): Promise<Agent> {
  const worktree = path.join(repository.home, 'repo.swarm', name);
  const commit = repository.git(['rev-parse', 'main']);
  await addWorktree({ root: repository.root, path: worktree, commit });
  const store = new CheckpointStore(
    {
      gitCommonDir: repository.gitCommonDir,
      shadowGit: path.join(repository.home, 'state', 'shadow.git'),
      worktree,
      agent: name,
    },
    { maxFileBytes: 1_000_000 },
  );
  return {
    worktree,
    prepare: async (change = {}) =>
      prepareTask({
        root: repository.root,
        worktree,
        checkpoint: change.checkpoint ?? (await store.capture({ reason: 'task-start' })).commit,
        taskBranch: 'swarm/task/t1',
        base: { branch: 'main', commit },
        on: null,
        merges: [],
        ...change,
      }),
    commit: (message = 'work') =>
      commitTurn({
        worktree,
        message,
        trailers: { 'Swarm-Task': 't1', 'Swarm-Agent': name },
        branch: 'swarm/task/t1',
        base: { branch: 'main', commit },
      }),
    git: (...args) => repository.git(args, worktree),
    write: (files) => repository.write(files, worktree),
    read: (file) => readFileSync(path.join(worktree, file), 'utf8'),
  };
}

export const scratchOf = (repository: TestRepository): string => path.join(repository.home, 'scratch');

/** Merges a result as `swarm merge` does. */
export const merge = (repository: TestRepository, commit: string, into = 'main'): ReturnType<typeof mergeTask> =>
  mergeTask({ root: repository.root, into, commit, message: 'Merge t1', scratchDir: scratchOf(repository) });

/** What the end of a turn finds in its result. */
export const inspect = (
  repository: TestRepository,
  { worktree }: Agent,
  commit: string,
): ReturnType<typeof inspectResult> => {
  const base = { branch: 'main', commit: repository.git(['rev-parse', 'main']) };
  return inspectResult({ root: repository.root, worktree, base, commit });
};

/** Makes a branch with one change on top of main, and returns its tip. */
export function aResult(repository: TestRepository, name: string, files: Record<string, string>): string {
  const place = path.join(repository.home, `making-${name}`);
  repository.git(['worktree', 'add', '-q', '--detach', place, 'main']);
  const commit = repository.commit(files, `result of ${name}`, place);
  repository.git(['branch', `swarm/task/${name}`, commit]);
  repository.git(['worktree', 'remove', place]);
  return commit;
}

/** A repository whose only commit is in it. */
export function innerOne(repository: TestRepository, place: string): void {
  mkdirSync(place, { recursive: true });
  repository.git(['init', '-q', '-b', 'main', place]);
  repository.git(['config', 'user.name', 'inner'], place);
  repository.git(['config', 'user.email', 'inner@example.org'], place);
  repository.commit({ 'only-here.txt': 'only here\n' }, 'only here', place);
}
