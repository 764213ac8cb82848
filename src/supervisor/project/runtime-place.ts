import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { withRuntimeDir, type ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { makePrivateDirectory } from '../../lib/private-directory.ts';
import { someoneListens } from '../../lib/unix-socket.ts';
import { identityOf } from '../../process/index.ts';
import { ownerOf, placeToBegin } from '../../store/place/runtime-place.ts';
import { runtimeDirInUse } from '../../store/place/runtime-record.ts';
import { removeSocket } from '../../tmux/socket.ts';

/**
 * The runtime directory of a supervisor that holds the lock, from then on for every shell of this user.
 * @throws SwarmError `unsafe-directory`
 */
export async function takeRuntimePlace(own: ProjectLayout, uid: number): Promise<ProjectLayout> {
  const before = withRuntimeDir(own, await runtimeDirInUse(own));
  const place = await placeToBegin(own, uid);
  await makePrivateDirectory(path.dirname(place.runtimeDir), uid);
  await makePrivateDirectory(place.runtimeDir, uid);
  await writeRuntimeDir(place.runtimeFile, place.runtimeDir);
  if (before.runtimeDir !== place.runtimeDir && ownerOf(before.runtimeDir, uid) === 'us')
    await clearRuntimePlace(before);
  return place;
}

/** For the holder of the lock alone. */
export async function writeRuntimeDir(file: string, runtimeDir: string): Promise<void> {
  await writeFileAtomic(file, JSON.stringify({ runtimeDir }), { mode: 0o600 });
}

/** Clears the directory of a swarm that was killed and of which no process lives. */
async function clearRuntimePlace(place: ProjectLayout): Promise<void> {
  // Of another project, since this process holds this one's lock: the same repository with another XDG_STATE_HOME.
  if (await someoneListens(place.apiSocket)) return;
  await removeRuntimeFiles(place);
  for (const socket of [place.apiSocket, place.linkSocket, place.tmuxSocket]) await removeSocket(socket);
  // Only an empty directory is removed.
  await rmdir(place.runtimeDir).catch(() => undefined);
}

/** Writes the pid for programs that ask while the API does not answer. */
export async function writePid({ supervisorPidFile }: ProjectLayout): Promise<void> {
  await writeFileAtomic(supervisorPidFile, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
}

/** Removes the files that a later `up` makes anew, some of which hold secrets. */
export async function removeRuntimeFiles({ envSnapshot, specDir, supervisorPidFile }: ProjectLayout): Promise<void> {
  for (const file of [envSnapshot, supervisorPidFile]) await rm(file, { force: true });
  await rm(specDir, { recursive: true, force: true });
}
