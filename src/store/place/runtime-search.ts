import path from 'node:path';
import { WRAPPER_MARK } from '../../domain/marks.ts';
import { findMarked, readMark } from '../../process/marks.ts';

/**
 * The runtime directory that the agents of a project are in, by the tmux server of their terminals; null: no agent of
 * it lives. Reads the environments of all processes of this user.
 */
export function runtimeDirOfAgents(hash: string): string | null {
  const sockets = findMarked(WRAPPER_MARK, hash).map(({ identity: { pid } }) => readMark(pid, 'TMUX')?.split(',')[0]);
  const own = sockets.find((socket) => socket !== undefined && socket.endsWith(`/${hash}/tmux.sock`));
  return own === undefined ? null : path.dirname(own);
}
