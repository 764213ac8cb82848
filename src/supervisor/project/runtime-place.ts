import { lstatSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { withRuntimeDir, type ProjectLayout } from '../../domain/layout.ts';
import { WRAPPER_MARK } from '../../domain/marks.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { makePrivateDirectory } from '../../lib/private-directory.ts';
import { someoneListens } from '../../lib/unix-socket.ts';
import { findMarked, identityOf } from '../../process/index.ts';
import { readRuntimeDir, writeRuntimeDir } from '../../store/runtime-record.ts';
import { removeSocket } from '../../tmux/socket.ts';

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

function ownerOf(directory: string, uid: number): 'us' | 'other' | null {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.uid === uid && found.isDirectory() ? 'us' : 'other';
}

/**
 * The same for the holder of the lock, and from then on for every shell of this user.
 * @throws SwarmError `unsafe-directory`
 */
export async function takeRuntimePlace(own: ProjectLayout, uid: number): Promise<ProjectLayout> {
  const before = withRuntimeDir(own, readRuntimeDir(own.runtimeFile));
  const place = await placeToBegin(own, uid);
  await makePrivateDirectory(path.dirname(place.runtimeDir), uid);
  await makePrivateDirectory(place.runtimeDir, uid);
  await writeRuntimeDir(place.runtimeFile, place.runtimeDir);
  if (before.runtimeDir !== place.runtimeDir && ownerOf(before.runtimeDir, uid) === 'us')
    await clearRuntimePlace(before);
  return place;
}

/** Of a swarm that was killed, with nothing left that would use it. */
async function clearRuntimePlace(place: ProjectLayout): Promise<void> {
  // Not of ours, whose lock we hold: the same repository with another XDG_STATE_HOME.
  if (await someoneListens(place.apiSocket)) return;
  await removeRuntimeFiles(place);
  for (const socket of [place.apiSocket, place.linkSocket, place.tmuxSocket]) await removeSocket(socket);
  // Only if nothing else lies in it.
  await rmdir(place.runtimeDir).catch(() => undefined);
}

/** For whoever asks while the API does not answer. */
export async function writePid({ supervisorPidFile }: ProjectLayout): Promise<void> {
  await writeFileAtomic(supervisorPidFile, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
}

/** What a later `up` makes anew, and what holds secrets meanwhile. */
export async function removeRuntimeFiles({ envSnapshot, specDir, supervisorPidFile }: ProjectLayout): Promise<void> {
  for (const file of [envSnapshot, supervisorPidFile]) await rm(file, { force: true });
  await rm(specDir, { recursive: true, force: true });
}
