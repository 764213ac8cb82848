import { chmod, lstat, readdir } from 'node:fs/promises';
import { SwarmError } from '../../domain/errors.ts';
import { currentUid } from '../../process/account.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { isGitError } from '../errors.ts';

/**
 * Does a step that removes or replaces files of a worktree, and may be done again. Where that is refused, directories
 * that their owner has closed to writing are opened first, and it is done once more: else each later step in this
 * worktree would fail alike. Error: `closed-directory`, where another one is in the way.
 */
export async function openingDirectories<T>(worktree: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isRefused(error)) throw error;
    const { opened, closed } = await openBelow(worktree);
    if (opened === 0) throw closedDirectory(closed, error) ?? error;
    return step().catch((again: unknown) => {
      throw (isRefused(again) ? closedDirectory(closed, again) : null) ?? again;
    });
  }
}

/**
 * Makes it sure that all of a worktree can be deleted. Git would delete what it can, and its own record of the worktree
 * too, before it says that it cannot delete the rest. Error: `closed-directory`.
 */
export async function openForRemoval(worktree: string): Promise<void> {
  const { closed } = await openBelow(worktree);
  const refused = closedDirectory(closed, undefined);
  if (refused !== null) throw refused;
}

function isRefused(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || isGitError(error, 'permission-denied')) return true;
  return cause !== undefined && isRefused(cause);
}

function closedDirectory([first]: readonly { path: string; foreign: boolean }[], cause: unknown): SwarmError | null {
  if (first === undefined) return null;
  const { path, foreign } = first;
  const why = foreign ? 'belongs to another user' : 'is closed to reading';
  const cure = foreign
    ? `A container that runs as root leaves such files. Remove them, for example \`sudo rm -r ${shellQuote(path)}\`, and try again.`
    : `Open it, \`chmod -R u+rwX ${shellQuote(path)}\`, and try again.`;
  return new SwarmError('closed-directory', `${path} ${why}, so what lies in it cannot be removed`, {
    hint: cure,
    cause,
    retrySafe: true,
  });
}

const READ = 0o500;
const WRITE = 0o200;

/**
 * Lets this user write again in each directory at and below `root` that is theirs, that they may read, and that they
 * have closed to writing, as Go's module cache, renv and others do: nothing in such a directory can be removed or
 * replaced. Links are not followed.
 */
async function openBelow(root: string): Promise<{
  /** How many were opened. */
  opened: number;
  /** Directories with contents that cannot be removed all the same: of other users, or closed to reading. */
  closed: { path: string; foreign: boolean }[];
}> {
  const uid = currentUid();
  const closed: { path: string; foreign: boolean }[] = [];
  const left = [Buffer.from(root)];
  let opened = 0;
  for (let directory = left.pop(); directory !== undefined; directory = left.pop()) {
    const stat = await lstatOf(directory);
    // Gone, meanwhile or from the beginning.
    if (stat === null) continue;
    const { mode, uid: owner } = stat;
    const foreign = owner !== uid && uid !== 0;
    const entries = await entriesOf(directory);
    if (entries === null || (foreign && entries.length > 0)) {
      closed.push({ path: directory.toString(), foreign });
      continue;
    }
    if (!foreign && isClosed(mode)) {
      await chmod(directory, (mode & 0o7777) | WRITE);
      opened += 1;
    }
    for (const entry of entries)
      if (entry.isDirectory()) left.push(Buffer.concat([directory, Buffer.from('/'), entry.name]));
  }
  return { opened, closed };
}

function isClosed(mode: number): boolean {
  return (mode & (READ | WRITE)) === READ;
}

async function lstatOf(directory: Buffer) {
  try {
    return await lstat(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Null where it may not be read. */
async function entriesOf(directory: Buffer) {
  try {
    return await readdir(directory, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return null;
    // Removed since it was looked at.
    if (code === 'ENOENT') return [];
    throw error;
  }
}
