import { accessSync, constants } from 'node:fs';
import { SwarmError } from '../../domain/errors.ts';
import { bytesBelow, printable } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { filesAt, inTheWay, statOrNull } from '../../git/repository/on-disk.ts';

/**
 * Files on disk that a restore of `files`, and of the empty `directories`, would overwrite and that no capture holds,
 * because git ignores them now. They are captured first.
 */
export function endangered(
  worktree: string,
  files: readonly RawPath[],
  captured: ReadonlySet<RawPath>,
  directories: readonly RawPath[] = [],
): Set<RawPath> {
  const blocking = directories.flatMap((directory) => inTheWay(worktree, `${directory}/`) ?? []);
  const found = new Set([
    ...blocking,
    ...filesAt(
      worktree,
      files.filter((file) => !captured.has(file)),
    ),
  ]);
  for (const file of captured) found.delete(file);
  return found;
}

/** Refuses to overwrite files that cannot be read, and so cannot be captured. Error: `unreadable-file`. */
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

/** Whether git could read the file. A link is read by its name. */
export function isReadable(worktree: string, file: RawPath): boolean {
  if (statOrNull(worktree, file)?.isFile() !== true) return true;
  try {
    accessSync(bytesBelow(worktree, file), constants.R_OK);
    return true;
  } catch {
    // Whatever the reason, git could not read the file either.
    return false;
  }
}
