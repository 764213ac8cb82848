import { chmod, lstat, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';

/**
 * The project's own directories, 0700 and ours: sockets and the environment snapshot lie there, and below /tmp anybody
 * could have made them first. @throws SwarmError `unsafe-directory`
 */
export async function makeDirectories(layout: ProjectLayout, uid: number): Promise<void> {
  await makePrivate(path.dirname(layout.runtimeDir), uid);
  await makePrivate(layout.runtimeDir, uid);
  await makePrivate(layout.swarmStateDir, uid);
  await makePrivate(layout.stateDir, uid);
  await makePrivate(layout.logsDir, uid);
}

async function makePrivate(directory: string, uid: number): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST') return; // Not a directory: lstat below says so.
    throw new SwarmError('unsafe-directory', `${directory} cannot be made: ${cause.message}`, {
      hint: 'Make room or rights for it, or set XDG_STATE_HOME and XDG_RUNTIME_DIR to directories of yours.',
      cause,
    });
  });
  // Not followed: a symbolic link that somebody else put there would lead our sockets to them.
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== uid) {
    const what = found.isDirectory() ? 'belongs to another user' : 'is no directory';
    throw new SwarmError('unsafe-directory', `${directory} ${what}`, {
      hint: 'Move it away, or set XDG_RUNTIME_DIR to a directory of yours.',
    });
  }
  if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700);
}
