import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { bytesBelow } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';

/**
 * Stat data of a file, not following links. Null where there is none, and below a file or a link that turns in a
 * circle.
 */
export function statOrNull(worktree: string, raw: RawPath): Stats | null {
  try {
    return lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}

/**
 * The file or link in the place of a directory above `raw`; null when there is none. For git, a path behind a link is
 * no file of the worktree.
 * @param directories known directories; those found are added, for a caller with many paths
 */
export function inTheWay(worktree: string, raw: RawPath, directories = new Set<RawPath>()): RawPath | null {
  for (let end = raw.indexOf('/'); end !== -1; end = raw.indexOf('/', end + 1)) {
    const parent = raw.slice(0, end);
    if (directories.has(parent)) continue;
    const stat = statOrNull(worktree, parent);
    if (stat === null) return null;
    if (!stat.isDirectory()) return parent;
    directories.add(parent);
  }
  return null;
}

/**
 * Files and links that a checkout of `paths` would overwrite or delete: at them, below them, and in the place of a
 * directory above them. Repositories inside are not entered.
 */
export function filesAt(worktree: string, paths: Iterable<RawPath>): RawPath[] {
  const found = new Set<RawPath>();
  const directories = new Set<RawPath>();
  for (const file of paths) {
    const blocking = inTheWay(worktree, file, directories);
    if (blocking === null) collectFiles(worktree, file, found);
    else found.add(blocking);
  }
  return [...found].sort();
}

function collectFiles(worktree: string, raw: RawPath, found: Set<RawPath>): void {
  const stat = statOrNull(worktree, raw);
  if (stat === null) return;
  if (!stat.isDirectory()) {
    found.add(raw);
    return;
  }
  const names = readdirSync(bytesBelow(worktree, raw), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  if (names.includes('.git')) return;
  for (const name of names) collectFiles(worktree, `${raw}/${name}`, found);
}
