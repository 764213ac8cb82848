import { access, chmod, constants, lstat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { makeDirectory } from '../lib/make-directory.ts';

/** Without so much the store and the logs cannot even begin. RabbitMQ wants more, and says so itself. */
const LEAST_FREE_BYTES = 8 * 1024 * 1024;

/**
 * The project's own directories, 0700 and ours: sockets and the environment snapshot lie there, and below /tmp anybody
 * could have made them first. @throws SwarmError `unsafe-directory`, `read-only-directory`, `disk-full`
 */
export async function makeDirectories(layout: ProjectLayout, uid: number): Promise<void> {
  await makePrivate(path.dirname(layout.runtimeDir), uid);
  await makePrivate(layout.runtimeDir, uid);
  await makePrivate(layout.swarmStateDir, uid);
  await makePrivate(layout.stateDir, uid);
  await makePrivate(layout.logsDir, uid);
  for (const [directory, variable] of [
    [layout.runtimeDir, 'XDG_RUNTIME_DIR'],
    [layout.logsDir, 'XDG_STATE_HOME'],
  ] as const) {
    await refuseUnusable(directory, variable);
  }
}

/** Found here it has a name; later it would be a supervisor that ends at once and cannot even write why. */
async function refuseUnusable(directory: string, variable: string): Promise<void> {
  await access(directory, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    throw new SwarmError('read-only-directory', `${directory} cannot be written: ${cause.message}`, {
      hint: `Make it writable, or set ${variable} to a directory of yours.`,
      cause,
    });
  });
  const { bavail, blocks, bsize } = await statfs(directory);
  const free = bavail * bsize;
  // Some network file systems tell no sizes at all.
  if (blocks === 0 || free >= LEAST_FREE_BYTES) return;
  throw new SwarmError(
    'disk-full',
    `the disk with ${directory} is full: ${Math.floor(free / 1024 / 1024)} MiB are free`,
    {
      hint: `Make room there, or set ${variable} to a directory on another disk.`,
      retrySafe: true,
    },
  );
}

async function makePrivate(directory: string, uid: number): Promise<void> {
  await makeDirectory(directory, 0o700).catch((cause: NodeJS.ErrnoException) => {
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
