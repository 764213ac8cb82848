import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** In the worktree's own git directory, with which it is removed. */
export const EXCLUDES_FILE = 'swarm-exclude';

/** The ignore file of this worktree alone, where it has one (see worktree-excludes.ts). */
export function worktreeExcludes(worktree: string): string | null {
  const gitDir = linkedGitDir(worktree);
  if (gitDir === null) return null;
  const file = path.join(gitDir, EXCLUDES_FILE);
  return statSync(file, { throwIfNoEntry: false }) === undefined ? null : file;
}

/**
 * Git directory of a linked worktree with this root; null for any other directory. Two small reads instead of a
 * process.
 */
export function linkedGitDir(directory: string): string | null {
  try {
    const target = /^gitdir: (.*?)\r?\n?$/s.exec(readFileSync(path.join(directory, '.git'), 'utf8'))?.[1];
    return target === undefined ? null : path.resolve(directory, target);
  } catch {
    // A main worktree's .git is a directory; a folder outside of worktrees has none. Neither has such an ignore file.
    return null;
  }
}
