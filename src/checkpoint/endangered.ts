import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import { bytesBelow, printable } from '../git/bytes.ts';
import type { RawPath } from '../git/bytes.ts';

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
 * What lies where a directory above `raw` should be, a file or a link; null when nothing does. Git takes nothing for a
 * file of the worktree that lies behind a link.
 */
export function inTheWay(worktree: string, raw: RawPath): RawPath | null {
  for (let end = raw.indexOf('/'); end !== -1; end = raw.indexOf('/', end + 1)) {
    const parent = raw.slice(0, end);
    const stat = statOrNull(worktree, parent);
    if (stat === null) return null;
    if (!stat.isDirectory()) return parent;
  }
  return null;
}

/**
 * Files on disk that a restore of `files`, and of the empty `directories`, would overwrite and that no capture holds,
 * because git ignores them now. They are captured before harm comes to them.
 */
export function endangered(
  worktree: string,
  files: readonly RawPath[],
  captured: ReadonlySet<RawPath>,
  directories: readonly RawPath[] = [],
): Set<RawPath> {
  const found = new Set<RawPath>();
  for (const directory of directories) {
    const blocking = inTheWay(worktree, `${directory}/`);
    if (blocking !== null) found.add(blocking);
  }
  for (const file of files) {
    if (captured.has(file)) continue;
    // A file may lie where a directory of the checkpoint was, or a directory where a file was.
    const blocking = inTheWay(worktree, file);
    if (blocking === null) collectFiles(worktree, file, found);
    else found.add(blocking);
  }
  for (const file of captured) found.delete(file);
  return found;
}

function collectFiles(worktree: string, raw: RawPath, found: Set<RawPath>): void {
  const stat = statOrNull(worktree, raw);
  if (stat === null) return;
  if (!stat.isDirectory()) {
    found.add(raw);
    return;
  }
  const entries = readdirSync(bytesBelow(worktree, raw), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  if (entries.includes('.git')) return;
  for (const name of entries) collectFiles(worktree, `${raw}/${name}`, found);
}

/** What cannot be read cannot be captured, and is not overwritten. Error: `unreadable-file`. */
export function refuseUnreadable(worktree: string, files: Iterable<RawPath>): void {
  const closed = [...files].filter((raw) => !isReadable(worktree, raw)).map(printable);
  if (closed.length === 0) return;
  const some = closed.slice(0, 3).join(', ') + (closed.length > 3 ? `, and ${closed.length - 3} more` : '');
  throw new SwarmError(
    'unreadable-file',
    `${some} cannot be read, so no checkpoint holds it, and would be overwritten`,
    {
      hint: `Nothing was changed. Make it readable (chmod u+r) or move it away, then try again: ${worktree}`,
      retrySafe: true,
    },
  );
}

/** Git could read it. A link is read by its name. */
export function isReadable(worktree: string, file: RawPath): boolean {
  if (statOrNull(worktree, file)?.isFile() !== true) return true;
  try {
    accessSync(bytesBelow(worktree, file), constants.R_OK);
    return true;
  } catch {
    // Whatever the reason, git could not read it either.
    return false;
  }
}
