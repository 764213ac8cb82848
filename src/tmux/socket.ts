import type { Stats } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { TmuxError } from './errors.ts';

/** sun_path holds 104 bytes on BSDs and macOS, 108 on Linux, the final NUL included. */
export const LONGEST_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
const CONNECT_MS = 2000;

/**
 * Makes the path fit to start or find a server: the socket of a dead server is removed, one of another user is refused.
 * @returns true when a server listens there
 */
export async function prepareSocket(socket: string): Promise<boolean> {
  if (Buffer.byteLength(socket) > LONGEST_PATH_BYTES) {
    throw refuse(
      `${socket} is longer than a socket's path may be (${LONGEST_PATH_BYTES} bytes)`,
      'Set XDG_RUNTIME_DIR to a short path.',
    );
  }
  const stat = await lstatOrNull(socket);
  if (stat === null) return false;
  if (stat.uid !== process.getuid?.())
    throw refuse(
      `${socket} belongs to user ${stat.uid}, not to you`,
      'Its owner could read and type for the agents. Remove it, or set XDG_RUNTIME_DIR.',
    );
  if (!stat.isSocket()) throw refuse(`${socket} is in the way and is no socket`, 'Move it away.');
  if (await listens(socket)) return true;
  await removeSocket(socket);
  return false;
}

/** Removes the socket, and the lock that clients leave beside it when they start a server. */
export async function removeSocket(socket: string): Promise<void> {
  await rm(socket, { force: true });
  await rm(`${socket}.lock`, { force: true });
}

export async function listens(socket: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const connection = connect(socket);
  connection.setTimeout(CONNECT_MS, () =>
    reject(refuse(`the server behind ${socket} does not accept connections`, 'Look at it with `swarm doctor`.')),
  );
  connection.once('connect', () => resolve(true));
  connection.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    connection.destroy();
  }
}

async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function refuse(message: string, hint: string): TmuxError {
  return new TmuxError('tmux-socket', message, { reached: 'no', hint });
}
