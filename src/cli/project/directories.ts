import { access, constants, statfs } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { makePrivateDirectory } from '../../lib/private-directory.ts';

/** Least free space with which store and logs can begin. RabbitMQ needs more, and reports that itself. */
const LEAST_FREE_BYTES = 8 * 1024 * 1024;

/**
 * Makes the project's own directories, 0700: sockets and the environment snapshot lie there, and below /tmp another
 * user could have made them first.
 * @throws SwarmError `unsafe-directory`, `read-only-directory`, `disk-full`
 */
export async function makeDirectories(layout: ProjectLayout, uid: number): Promise<void> {
  await makePrivateDirectory(path.dirname(layout.runtimeDir), uid);
  await makePrivateDirectory(layout.runtimeDir, uid);
  await makePrivateDirectory(layout.swarmStateDir, uid);
  await makePrivateDirectory(layout.stateDir, uid);
  await makePrivateDirectory(layout.logsDir, uid);
  for (const [directory, variable] of [
    [layout.runtimeDir, 'XDG_RUNTIME_DIR'],
    [layout.logsDir, 'XDG_STATE_HOME'],
  ] as const) {
    await refuseUnusable(directory, variable);
  }
}

/** Refuses an unusable directory by name; later the supervisor would end at once without being able to write why. */
async function refuseUnusable(directory: string, variable: string): Promise<void> {
  await access(directory, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    throw new SwarmError('read-only-directory', `${directory} cannot be written: ${cause.message}`, {
      hint: `Make it writable, or set ${variable} to a directory of yours.`,
      cause,
    });
  });
  const { bavail, blocks, bsize } = await statfs(directory);
  const free = bavail * bsize;
  // Some network file systems report no sizes at all.
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
