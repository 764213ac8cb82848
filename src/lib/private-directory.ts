import { chmod, lstat } from 'node:fs/promises';
import { SwarmError } from '../domain/errors.ts';
import { makeDirectory } from './make-directory.ts';

/**
 * Makes a directory, with its missing parents, that other users cannot enter; takes other users' rights of an existing
 * one away.
 * @throws SwarmError `unsafe-directory` where it cannot be made, is no directory of its own, or belongs to another user
 */
export async function makePrivateDirectory(directory: string, uid: number): Promise<void> {
  await makeDirectory(directory, 0o700).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST') return; // Not a directory: lstat below says so.
    throw new SwarmError('unsafe-directory', `${directory} cannot be made: ${cause.message}`, {
      hint: 'Make room or rights for it, or set XDG_STATE_HOME and XDG_RUNTIME_DIR to directories of yours.',
      cause,
    });
  });
  // Not followed: a symbolic link of another user would make swarm put its sockets into that user's directory.
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== uid) {
    const what = found.isDirectory() ? 'belongs to another user' : 'is no directory';
    throw new SwarmError('unsafe-directory', `${directory} ${what}`, {
      hint: 'Move it away, or set XDG_RUNTIME_DIR to a directory of yours.',
    });
  }
  if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700);
}
