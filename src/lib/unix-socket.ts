import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import net from 'node:net';

/** A socket's file outlives its owner; only a connection tells. */
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
 * Lets the server listen at `place` (0600); anew where it did and its file was removed, which its connections outlive.
 * Nobody else may listen there: a file that is there belongs to one that is dead.
 */
export async function listenAt(server: net.Server, place: string): Promise<void> {
  // First, since a server that stops listening removes the file of that name, whoever made it.
  if (server.listening) server.close();
  await rm(place, { force: true });
  server.listen(place);
  await once(server, 'listening');
  await chmod(place, 0o600);
}
