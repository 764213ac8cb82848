import { lstatSync } from 'node:fs';
import { withRuntimeDir, type ProjectLayout } from '../domain/layout.ts';
import { WRAPPER_MARK } from '../domain/marks.ts';
import { someoneListens } from '../lib/unix-socket.ts';
import { findMarked } from '../process/index.ts';
import { readRuntimeDir } from './runtime-record.ts';

/**
 * The place of a supervisor that begins while the lock is free. The one before has told its wrappers and its tmux server
 * where to be found: while they live, that is the place. Once they are gone, as after a reboot, what it wrote down is
 * not believed: the directory may not be there, or belong to somebody else by now.
 * @param own as the shell has it that starts the supervisor
 */
export async function placeToBegin(own: ProjectLayout, uid: number): Promise<ProjectLayout> {
  const before = withRuntimeDir(own, readRuntimeDir(own.runtimeFile));
  return before !== own && (await livesIn(before, uid)) ? before : own;
}

/** Whether anything of the project may have its sockets there. */
async function livesIn({ runtimeDir, tmuxSocket, hash }: ProjectLayout, uid: number): Promise<boolean> {
  const owner = ownerOf(runtimeDir, uid);
  // Wrappers outlive the files: their links hold on to sockets that were removed, and so does their tmux server.
  if (owner !== 'other' && findMarked(WRAPPER_MARK, hash).length > 0) return true;
  return owner === 'us' && (await someoneListens(tmuxSocket));
}

/** Whose a directory is; null: nobody's, there is none. */
export function ownerOf(directory: string, uid: number): 'us' | 'other' | null {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.uid === uid && found.isDirectory() ? 'us' : 'other';
}
