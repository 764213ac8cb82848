import { SwarmError } from '../../domain/errors.ts';
import { porcelain } from '../porcelain.ts';
import { resolveAll } from '../repository/resolve.ts';

const PREFIX = 'swarm/task/';
const HEADS = `refs/heads/${PREFIX}`;

export function taskBranch(task: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(task)) {
    throw new SwarmError('invalid-task-id', `"${task}" cannot be part of a branch name`, {
      hint: 'Use letters, digits, dashes and underscores.',
      exitCode: 2,
    });
  }
  return `${PREFIX}${task}`;
}

export function isTaskBranch(branch: string): boolean {
  return branch.startsWith(PREFIX);
}

/**
 * Largest N of the branches `swarm/task/tN` and of those below one, where `tN` itself cannot be made; 0 when there is
 * none. After the loss of a store no number may be used again.
 */
export async function highestTaskNumber(root: string): Promise<number> {
  // Not `git branch`, whose list is laid out for people, as their settings for colours and columns say.
  const names = await porcelain({ cwd: root }, (git) => git.raw(['for-each-ref', '--format=%(refname)', HEADS]));
  return names
    .split('\n')
    .map((name) => /^t(\d+)(?:\/|$)/.exec(name.slice(HEADS.length))?.[1])
    .reduce((highest, digits) => Math.max(highest, Number(digits ?? 0)), 0);
}

/** Branches below which git could make no branch of a task. */
const ABOVE = ['swarm', 'swarm/task'] as const;

/**
 * The error for a branch that keeps every branch of a task from being made: `a` and `a/b` cannot both exist. Null:
 * there is none.
 */
export async function taskBranchesBlocked(root: string, cause?: unknown): Promise<SwarmError | null> {
  const found = await resolveAll(
    root,
    ABOVE.map((name) => `refs/heads/${name}`),
  );
  const name = ABOVE.find((_, at) => found[at] !== null);
  if (name === undefined) return null;
  return new SwarmError(
    'task-branches-blocked',
    `a branch is called ${name}, so that git can make none of the branches ${PREFIX}…`,
    { hint: `Rename it: \`git branch -m ${name} ${name.replaceAll('/', '-')}-1\`.`, cause, lasting: true },
  );
}
