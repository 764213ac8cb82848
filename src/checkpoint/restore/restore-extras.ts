import { chmodSync, lstatSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { bytesBelow } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { inTheWay } from '../../git/repository/on-disk.ts';
import type { SavedState } from '../refs/checkpoint-commit.ts';
import { parentsOf } from '../tree/tree-extras.ts';

/** Makes directories writable for their owner; others would stop git in the middle. */
export function openDirectories(worktree: string, current: SavedState): void {
  for (const [raw, mode] of current.modes) {
    const stat = lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false });
    if (stat?.isDirectory() === true && (mode & 0o700) !== 0o700) chmodSync(bytesBelow(worktree, raw), mode | 0o700);
  }
}

/** Removes empty directories that the checkpoint does not have, and makes those that it has. */
export async function restoreEmptyDirs(
  worktree: string,
  current: SavedState,
  target: SavedState,
  files: readonly RawPath[],
): Promise<void> {
  const wanted =
    current.emptyDirs.length === 0
      ? new Set<RawPath>()
      : new Set([...target.emptyDirs, ...parentsOf([...target.emptyDirs, ...files])]);
  for (const dir of current.emptyDirs) {
    for (
      let at: RawPath = dir;
      at !== '' && !wanted.has(at);
      at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : ''
    ) {
      // A link that the checkpoint restored leads to another directory.
      if (inTheWay(worktree, at) !== null || !(await removeIfEmpty(bytesBelow(worktree, at)))) break;
    }
  }
  for (const dir of target.emptyDirs) await mkdir(bytesBelow(worktree, dir), { recursive: true });
}

async function removeIfEmpty(dir: Buffer): Promise<boolean> {
  try {
    await rmdir(dir);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/**
 * Sets every permission that could be wrong: those that are unusual now, those that were at the checkpoint, and those
 * of files written anew.
 */
export function restoreModes(
  worktree: string,
  current: SavedState,
  target: SavedState,
  files: readonly RawPath[],
  changed: readonly RawPath[],
): void {
  const then = new Map(target.modes);
  const sameBase = JSON.stringify(current.base) === JSON.stringify(target.base);
  const paths = new Set([...parentsOf([...files, ...target.emptyDirs]), ...target.emptyDirs, ...files]);
  const now = [...current.modes.map(([raw]) => raw), ...changed, ...parentsOf(changed)];
  const perhaps = sameBase ? new Set([...then.keys(), ...now].filter((raw) => paths.has(raw))) : paths;
  // Deepest first: a directory that is closed to its owner must be closed last.
  for (const raw of [...perhaps].sort().reverse()) {
    const stat = lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink()) continue;
    const { base } = target;
    const usual = stat.isDirectory() ? base.directory : (stat.mode & 0o100) === 0 ? base.file : base.executable;
    const mode = then.get(raw) ?? usual;
    if ((stat.mode & 0o7777) !== mode) chmodSync(bytesBelow(worktree, raw), mode);
  }
}
