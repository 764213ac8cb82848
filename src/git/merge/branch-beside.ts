import { runGit } from '../git.ts';
import { isGitError, mainSentence } from '../errors.ts';
import { whileLocked } from '../lock.ts';
import { commitOf, resolveAll } from '../repository/resolve.ts';
import { listWorktrees } from '../worktree/worktrees.ts';
import { readHead } from '../repository/repository.ts';

/** A branch and its tip. */
export interface BranchTip {
  branch: string;
  commit: string;
}

/** The tip of `branch`; null where it does not exist, or is the one that the worktree has checked out. */
export async function branchBeside(worktree: string, branch: string | null): Promise<BranchTip | null> {
  if (branch === null || (await readHead(worktree)).branch === branch) return null;
  const [commit = null] = await resolveAll(worktree, [commitOf(`refs/heads/${branch}`)]);
  return commit === null ? null : { branch, commit };
}

/**
 * Puts a branch back to `tip` if it still is where it was `left` and no worktree has it checked out. Null: done; else
 * why it was left alone.
 */
export async function putBranchBack(root: string, { branch, commit }: BranchTip, left: string): Promise<string | null> {
  const ref = `refs/heads/${branch}`;
  const [now = null] = await resolveAll(root, [commitOf(ref)]);
  if (now === commit) return null;
  const was = `${branch} was at ${commit.slice(0, 12)} before the rollback, and is at ${now?.slice(0, 12) ?? 'no commit'}`;
  if (now !== left) return `${was}: it has moved since, and was let be`;
  const holder = (await listWorktrees(root)).find((worktree) => worktree.branch === branch && !worktree.missing);
  if (holder !== undefined) return `${was}: it is checked out in ${holder.path}, and was let be`;
  try {
    await whileLocked(() =>
      runGit(['update-ref', '-m', 'swarm: undo of a rollback', ref, commit, left], { cwd: root }),
    );
    return null;
  } catch (error) {
    if (!isGitError(error)) throw error;
    if (error.code === 'ref-changed') return `${was}: it has moved since, and was let be`;
    return `${was}: it could not be set back (${mainSentence(error.stderr)})`;
  }
}
