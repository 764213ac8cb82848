import { rm, rmdir } from 'node:fs/promises';
import type { Aside } from './aside.ts';
import { bytesBelow, printable, splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';

/** Untracked files that git does not ignore, each by name; a nested repository is one entry that ends in `/`. */
export async function untrackedFiles(worktree: string): Promise<RawPath[]> {
  const { stdout } = await runGit(['ls-files', '-z', '--others', '--exclude-standard'], { cwd: worktree });
  return splitNul(stdout);
}

/** Reads the names of the files that a checkpoint holds, which may be deleted. */
export type Held = () => Promise<ReadonlySet<RawPath>>;

/** The files of a checkpoint, a commit taken just now. They are read at the first call, once. */
export function heldBy(worktree: string, checkpoint: string): Held {
  let reading: Promise<ReadonlySet<RawPath>> | null = null;
  return () => (reading ??= filesOf(worktree, checkpoint));
}

async function filesOf(worktree: string, commit: string): Promise<ReadonlySet<RawPath>> {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit];
  return new Set(splitNul((await runGit(args, { cwd: worktree })).stdout));
}

export interface RemoveLeftovers {
  worktree: string;
  held: Held;
  aside: Aside;
}

/**
 * Clears the worktree of untracked files. A file that no checkpoint holds (a nested repository's contents, a file that
 * is too large, files that the last task's rules ignored and this one's do not) is moved aside, never deleted. Returns
 * the names, for people.
 */
export async function removeLeftovers({ worktree, held, aside }: RemoveLeftovers): Promise<string[]> {
  const found = await untrackedFiles(worktree);
  for (const file of found) {
    if (!file.endsWith('/') && (await held()).has(file)) await rm(bytesBelow(worktree, file), { force: true });
    else await aside.take(file);
    await removeEmptyParents(worktree, file);
  }
  return found.map(printable);
}

/** Stops at the first directory that is not empty. */
async function removeEmptyParents(worktree: string, file: RawPath): Promise<void> {
  let parent = file.replace(/\/$/, '');
  while (parent.includes('/')) {
    parent = parent.slice(0, parent.lastIndexOf('/'));
    try {
      await rmdir(bytesBelow(worktree, parent));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOENT') return;
      throw error;
    }
  }
}
