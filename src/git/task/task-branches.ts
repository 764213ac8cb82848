import { SwarmError } from '../../domain/errors.ts';
import { porcelain } from '../porcelain.ts';

const PREFIX = 'swarm/task/';

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
 * Largest N of the branches `swarm/task/tN`; 0 when there is none. After the loss of a store no number may be used
 * again.
 */
export async function highestTaskNumber(root: string): Promise<number> {
  // Without this `color.branch = always` would colour the list, and the colours would be taken for a part of the names.
  const { all } = await porcelain({ cwd: root }, (git) => git.branch(['--no-color', '--list', `${PREFIX}*`]));
  return all
    .map((name) => /\/t(\d+)$/.exec(name)?.[1])
    .reduce((highest, digits) => Math.max(highest, Number(digits ?? 0)), 0);
}
