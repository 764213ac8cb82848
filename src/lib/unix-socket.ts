import { existsSync } from 'node:fs';
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
