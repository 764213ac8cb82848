import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runGit } from '../git.ts';
import { whileLocked } from '../lock.ts';
import { resolveAll } from './resolve.ts';

/** Refs of a worktree alone that belong to an operation under way; a directory stands for all refs in it. */
export const OPERATION_REFS = [
  'MERGE_AUTOSTASH',
  'AUTO_MERGE',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'REBASE_HEAD',
  'BISECT_EXPECTED_REV',
  'BISECT_HEAD',
  'ORIG_HEAD',
  'refs/bisect',
  'refs/rewritten',
] as const;

/** What HEAD's file says in each git directory whose refs are no files (`gitrepository-layout`). */
const NO_FILE = 'ref: refs/heads/.invalid';

/** Whether the refs of this git directory are files in it, which are read without a process. */
export function keepsRefsInFiles(gitDir: string): boolean {
  try {
    return readFileSync(path.join(gitDir, 'HEAD'), 'utf8').trim() !== NO_FILE;
  } catch (error) {
    // A damaged worktree has no refs at all.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** The directories of a git directory in which staging, commits and changes of HEAD leave traces. */
export function placesOfChange(gitDir: string): string[] {
  return keepsRefsInFiles(gitDir) ? [gitDir] : [gitDir, path.join(gitDir, 'reftable')];
}

export function isOperationRef(name: string): boolean {
  return OPERATION_REFS.some((one) => name === one || name.startsWith(`${one}/`));
}

/** Object ids by name, read through git; for a worktree whose refs are no files. Every git that has such knows the option. */
export async function readOperationRefs(worktree: string): Promise<Map<string, string>> {
  const args = ['for-each-ref', '--include-root-refs', '--format=%(objectname) %(refname)', ...OPERATION_REFS];
  const { stdout } = await runGit(args, { cwd: worktree });
  const lines = stdout.toString('utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]));
}

/**
 * Makes these the refs of the operation under way, and removes all others, in one transaction; for a worktree whose refs
 * are no files. A ref to an object that the repository does not have is left out: git would refuse all of them.
 */
export async function writeOperationRefs(worktree: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  const now = await readOperationRefs(worktree);
  const different = [...wanted].filter(([name, oid]) => now.get(name) !== oid);
  const exist = await resolveAll(
    worktree,
    different.map(([, oid]) => oid),
  );
  const commands = [
    ...[...now.keys()].filter((name) => !wanted.has(name)).map((name) => `delete ${name}`),
    ...different.filter((_, at) => exist[at] !== null).map(([name, oid]) => `update ${name} ${oid}`),
  ];
  if (commands.length === 0) return;
  const input = `${commands.join('\n')}\n`;
  await whileLocked(() => runGit(['update-ref', '--no-deref', '--stdin'], { cwd: worktree, input }));
}
