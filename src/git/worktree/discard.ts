import { lstatSync } from 'node:fs';
import { SwarmError } from '../../domain/errors.ts';
import { Aside } from './aside.ts';
import { bytesBelow, printable } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { openingDirectories } from './closed-directories.ts';
import { runGit } from '../git.ts';
import { heldBy, removeLeftovers } from './leftovers.ts';
import { whileLocked } from '../lock.ts';
import { clearOperation, worktreeGitDir } from '../repository/operations.ts';
import { readStatus } from '../repository/status.ts';
import type { LooseCommit } from './unsaved-work.ts';

/** Gives commits that no other ref reaches a name that stays: `<prefix>/<name>/<start of the commit>`. */
export async function keepCommits(root: string, prefix: string, loose: readonly LooseCommit[]): Promise<void> {
  for (const { name, commit } of loose)
    await runGit(['update-ref', `${prefix}/${name}/${commit.slice(0, 12)}`, commit], { cwd: root });
}

export interface DiscardCaptured {
  worktree: string;
  /** A commit of the worktree as it is. */
  checkpoint: string;
  /** Files that are in no other commit. */
  files: readonly RawPath[];
}

/**
 * Sets a worktree to its HEAD, detached (before the first commit of its branch: to nothing), and removes its untracked
 * files, one by one. HEAD's commit and the branch stay as they are. Error: `not-captured`, when a file is not in the
 * checkpoint; nothing was changed then.
 */
export async function discardCaptured(request: DiscardCaptured): Promise<void> {
  return openingDirectories(request.worktree, () => discard(request));
}

async function discard({ worktree, checkpoint, files }: DiscardCaptured): Promise<void> {
  const held = heldBy(worktree, checkpoint);
  const captured = await held();
  const { commit, untracked } = await readStatus(worktree, { untracked: 'all' });
  const missing = [...files, ...untracked].find((name) => !captured.has(name) && lies(worktree, name));
  if (missing !== undefined) {
    throw new SwarmError('not-captured', `the checkpoint does not hold ${printable(missing)}`, {
      hint: 'Move it elsewhere or remove it, then try again.',
    });
  }
  await clearOperation(worktree);
  // Before the first commit of a branch there is nothing to check out: staged files become untracked.
  const toHead = commit === null ? ['read-tree', '--empty'] : ['checkout', '-q', '-f', '--detach', 'HEAD'];
  await whileLocked(() => runGit(toHead, { cwd: worktree }));
  await removeLeftovers({ worktree, held, aside: new Aside(worktree, worktreeGitDir(worktree)) });
}

/** Whether something lies at that name of the worktree, a link that leads nowhere included. */
export function lies(worktree: string, name: RawPath): boolean {
  try {
    return lstatSync(bytesBelow(worktree, name), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw error;
  }
}
