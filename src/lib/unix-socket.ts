import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import net from 'node:net';

/** Whether a process listens on the socket. Its file outlives its owner, so this makes a connection. */
export async function someoneListens(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = net.connect(socket);
  connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    connection.destroy();
  }
}

/**
 * Lets the server listen at `place` (0600), or listen there again after its file was removed, which its connections
 * survive. No living process may listen there: an existing file counts as left by a dead one.
 */
export async function listenAt(server: net.Server, place: string): Promise<void> {
  // First, since a server that stops listening removes the file of that name, whichever process made it.
  if (server.listening) server.close();
  await rm(place, { force: true });
  server.listen(place);
  await once(server, 'listening');
  await chmod(place, 0o600);
}
