import { lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { bytesBelow, printable, splitNul } from './bytes.ts';
import type { RawPath } from './bytes.ts';
import { runGit } from './git.ts';

/** Below the worktree's git directory. */
export const ASIDE = 'swarm-aside';
/** What was moved aside is kept for this many later tasks. */
const KEPT_ASIDES = 3;

/** True when something that no checkpoint holds was moved aside here, and has not been forgotten since. */
export async function holdsAside(gitDir: string): Promise<boolean> {
  const names = await readdir(path.join(gitDir, ASIDE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.length > 0;
}

/** Untracked files that git does not ignore, each by name; a nested repository is one entry that ends in `/`. */
export async function untrackedFiles(worktree: string): Promise<RawPath[]> {
  const { stdout } = await runGit(['ls-files', '-z', '--others', '--exclude-standard'], { cwd: worktree });
  return splitNul(stdout);
}

export interface RemoveLeftovers {
  worktree: string;
  gitDir: string;
  /** Files that a checkpoint holds, so that they may be deleted. */
  captured: ReadonlySet<RawPath>;
}

/**
 * Clears the worktree of untracked files. What no checkpoint holds (a nested repository's contents, files that the
 * last task's rules ignored and this one's do not) is moved aside into the worktree's git directory, never deleted.
 * Returns the names, for people.
 */
export async function removeLeftovers({ worktree, gitDir, captured }: RemoveLeftovers): Promise<string[]> {
  const found = await untrackedFiles(worktree);
  if (found.length === 0) return [];
  const aside = path.join(gitDir, ASIDE, String(Date.now()));
  for (const file of found) {
    if (captured.has(file) && !file.endsWith('/')) await rm(bytesBelow(worktree, file), { force: true });
    else await moveAside(worktree, aside, file);
    await removeEmptyParents(worktree, file);
  }
  await forgetOldAsides(path.join(gitDir, ASIDE));
  return found.map(printable);
}

async function moveAside(worktree: string, aside: string, file: RawPath): Promise<void> {
  const name = file.replace(/\/$/, '');
  const parent = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
  await mkdir(parent === '' ? aside : bytesBelow(aside, parent), { recursive: true });
  await rename(bytesBelow(worktree, name), bytesBelow(aside, name));
}

/** A directory that still holds something stops the climb. */
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

async function forgetOldAsides(folder: string): Promise<void> {
  const stat = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (stat === null) return;
  const names = (await readdir(folder)).sort();
  for (const name of names.slice(0, -KEPT_ASIDES)) await rm(path.join(folder, name), { recursive: true, force: true });
}
