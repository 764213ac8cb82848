import { readFileSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import {
  isOperationRef,
  keepsRefsInFiles,
  OPERATION_REFS,
  readOperationRefs,
  writeOperationRefs,
} from './operation-refs.ts';

/** A file of an operation under way, or a ref: that is one with its object id, wherever git keeps it. */
export interface OperationFile {
  /** Path below the worktree's git directory, `/` between parts. */
  name: string;
  content: Buffer;
}

/** Files and directories of a worktree's git directory that belong to an operation under way; refs may be files, too. */
export const OPERATION_FILES: readonly string[] = [
  'MERGE_HEAD',
  'MERGE_MODE',
  'MERGE_MSG',
  'MERGE_RR',
  'SQUASH_MSG',
  'BISECT_START',
  'BISECT_LOG',
  'BISECT_TERMS',
  'BISECT_NAMES',
  'BISECT_FIRST_PARENT',
  'BISECT_ANCESTORS_OK',
  'BISECT_RUN',
  'rebase-merge',
  'rebase-apply',
  'sequencer',
  ...OPERATION_REFS,
];

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

export async function operationUnderWay(worktree: string): Promise<Operation | null> {
  const gitDir = worktreeGitDir(worktree);
  const refs = keepsRefsInFiles(gitDir) ? null : await readOperationRefs(worktree);
  const isThere = (name: string): boolean =>
    refs?.has(name) === true || statSync(path.join(gitDir, name), { throwIfNoEntry: false }) !== undefined;
  return UNDER_WAY.find(([name]) => isThere(name))?.[1] ?? null;
}

/** Branches, as `refs/heads/…`, that a rebase under way in the worktree sets anew at its end, and back if it is aborted. */
export function branchesInRebase(gitDir: string): string[] {
  const lines = ['rebase-merge/head-name', 'rebase-merge/update-refs', 'rebase-apply/head-name'].flatMap((name) => {
    const file = path.join(gitDir, name);
    return statSync(file, { throwIfNoEntry: false }) === undefined ? [] : readFileSync(file, 'utf8').split('\n');
  });
  return lines.filter((line) => line.startsWith('refs/heads/'));
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
export async function clearOperation(worktree: string): Promise<void> {
  await writeOperation(worktree, []);
}

/** Restores the files and refs of an operation under way, and removes all others. */
export async function writeOperation(worktree: string, operation: readonly OperationFile[]): Promise<void> {
  const gitDir = worktreeGitDir(worktree);
  const inFiles = keepsRefsInFiles(gitDir);
  for (const name of OPERATION_FILES) await rm(path.join(gitDir, name), { recursive: true, force: true });
  const refs = new Map<string, string>();
  for (const { name, content } of operation) {
    if (!inFiles && isOperationRef(name)) refs.set(name, content.toString('latin1').trim());
    else {
      await mkdir(path.dirname(path.join(gitDir, name)), { recursive: true });
      await writeFile(path.join(gitDir, name), content);
    }
  }
  if (!inFiles) await writeOperationRefs(worktree, refs);
}
