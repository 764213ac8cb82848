import { lstatSync } from 'node:fs';
import { withRuntimeDir, type ProjectLayout } from '../../domain/layout.ts';
import { WRAPPER_MARK } from '../../domain/marks.ts';
import { someoneListens } from '../../lib/unix-socket.ts';
import { findMarked } from '../../process/marks.ts';
import { runtimeDirInUse } from './runtime-record.ts';

/**
 * The runtime directory for a supervisor that begins while the lock is free. The earlier supervisor has told its
 * wrappers and its tmux server where its sockets are: while they live, the new one uses the same directory. Once they
 * are gone, as after a reboot, the written directory is not believed: it may be gone, or belong to another user by now.
 * @param own from the environment of the shell that starts the supervisor
 */
export async function placeToBegin(own: ProjectLayout, uid: number): Promise<ProjectLayout> {
  const before = withRuntimeDir(own, await runtimeDirInUse(own));
  return before !== own && (await livesIn(before, uid)) ? before : own;
}

/** Whether a process of the project may have its sockets there. */
async function livesIn({ runtimeDir, tmuxSocket, hash }: ProjectLayout, uid: number): Promise<boolean> {
  const owner = ownerOf(runtimeDir, uid);
  // Wrappers outlive the files: their links, and the tmux server's, hold on to sockets that were removed.
  if (owner !== 'other' && findMarked(WRAPPER_MARK, hash).length > 0) return true;
  return owner === 'us' && (await someoneListens(tmuxSocket));
}

/** The owner of a directory; null: it does not exist. */
export function ownerOf(directory: string, uid: number): 'us' | 'other' | null {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.uid === uid && found.isDirectory() ? 'us' : 'other';
}
