import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';

/** Files and directories of a worktree's git directory that belong to an operation under way. */
export const OPERATION_FILES = [
  'MERGE_HEAD',
  'MERGE_MODE',
  'MERGE_MSG',
  'MERGE_RR',
  'MERGE_AUTOSTASH',
  'AUTO_MERGE',
  'SQUASH_MSG',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'REBASE_HEAD',
  'BISECT_START',
  'BISECT_LOG',
  'BISECT_TERMS',
  'BISECT_NAMES',
  'BISECT_EXPECTED_REV',
  'ORIG_HEAD',
  'rebase-merge',
  'rebase-apply',
  'sequencer',
  // Refs of this worktree alone, in the files backend; a bisect or a rebase of merges means nothing without them.
  'refs/bisect',
  'refs/rewritten',
] as const;

/** Those among them that prove an unfinished operation; ORIG_HEAD and a stray MERGE_MSG do not. */
const UNDER_WAY: ReadonlyArray<readonly [string, Operation]> = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['sequencer', 'cherry-pick'],
  ['MERGE_HEAD', 'merge'],
];
export type Operation = 'merge' | 'rebase' | 'cherry-pick' | 'revert';

/** The worktree's own git directory, without starting git: `.git` is that directory or a file that names it. */
export function worktreeGitDir(worktree: string): string {
  const dotGit = path.join(worktree, '.git');
  const stat = statSync(dotGit, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new SwarmError('no-worktree', `${worktree} is no git worktree (it has no .git)`, {
      hint: 'Run `swarm up` again: it makes a missing worktree anew.',
    });
  }
  if (stat.isDirectory()) return dotGit;
  const target = /^gitdir: (.*?)\r?\n?$/s.exec(readFileSync(dotGit, 'utf8'))?.[1];
  if (target === undefined) {
    throw new SwarmError('no-worktree', `${dotGit} does not name a git directory`, {
      hint: 'Run `git worktree repair`.',
    });
  }
  return path.resolve(worktree, target);
}

export function operationUnderWay(gitDir: string): Operation | null {
  for (const [name, operation] of UNDER_WAY) {
    if (statSync(path.join(gitDir, name), { throwIfNoEntry: false }) !== undefined) return operation;
  }
  return null;
}

/**
 * The files of an unfinished operation among these files of a git directory; ORIG_HEAD stays after an operation and
 * proves none.
 */
export function unfinishedAmong(names: readonly string[]): string[] {
  const first = new Set(names.map((name) => name.split('/')[0]));
  return UNDER_WAY.some(([name]) => first.has(name)) ? [...names] : [];
}

/** Forgets an unfinished operation. The caller has captured the worktree, or gives the operation up. */
export async function clearOperation(gitDir: string): Promise<void> {
  for (const name of OPERATION_FILES) await rm(path.join(gitDir, name), { recursive: true, force: true });
}
