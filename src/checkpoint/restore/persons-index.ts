import { link, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';

/** The worktree's real index, locked by git's own protocol while a rollback works. */
export interface LockedIndex {
  /** Puts the bytes in place, or those of `instead`, and frees the lock; null: the checkpoint has no index file. */
  commit(instead: Buffer | null): Promise<void>;
  release(): Promise<void>;
}

const STEPS_MS = [20, 50, 100, 200, 400, 600, 800];

/**
 * Locks the index. The lock file appears whole, with the bytes of the index to come, which tell it from the lock of any
 * other program.
 */
export async function lockIndex(gitDir: string, bytes: Buffer | null, time = 1): Promise<LockedIndex> {
  const index = path.join(gitDir, 'index');
  const lock = path.join(gitDir, 'index.lock');
  const making = path.join(gitDir, `swarm-index-${process.pid}`);
  const make = async (content: Buffer): Promise<void> => {
    await writeFile(making, content);
    // As old as the saved index: a younger file would make git trust stat data that proves nothing. Without a time git
    // trusts none.
    await utimes(making, time, time);
  };
  await make(bytes ?? Buffer.alloc(0));
  try {
    await linkPatiently(making, lock);
  } finally {
    await rm(making, { force: true });
  }
  let held = true;
  return {
    commit: async (instead) => {
      // Where the disk has no room for `instead`, the saved bytes do as well: git then looks at the files that they
      // leave open.
      const isMade =
        instead !== null &&
        (await make(instead).then(
          () => true,
          () => false,
        ));
      if (isMade) {
        // The lock keeps its bytes to the end: by them the next start knows it as swarm's own.
        await rename(making, index);
        await rm(lock, { force: true });
      } else if (bytes === null) {
        await rm(index, { force: true });
        await rm(lock, { force: true });
      } else await rename(lock, index);
      held = false;
    },
    release: async () => {
      await rm(making, { force: true });
      if (held) await rm(lock, { force: true });
      held = false;
    },
  };
}

async function linkPatiently(from: string, lock: string): Promise<void> {
  for (const step of [...STEPS_MS, null]) {
    try {
      await link(from, lock);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (step === null) {
        throw new SwarmError('index-locked', `${lock} is held by another git process`, {
          hint: `Nothing was changed. Wait for that process, or remove the file if a killed git left it: rm '${lock}'`,
          retrySafe: true,
          cause: error,
        });
      }
      await sleep(systemClock, step);
    }
  }
}

/** Frees a lock that a killed rollback to these bytes left behind; a lock of another program stays. */
export async function dropOwnIndexLock(gitDir: string, bytes: Buffer | null): Promise<void> {
  for (const name of await readdir(gitDir))
    if (/^swarm-index-\d+$/.test(name)) await rm(path.join(gitDir, name), { force: true });
  const lock = path.join(gitDir, 'index.lock');
  try {
    if ((await readFile(lock)).equals(bytes ?? Buffer.alloc(0))) await rm(lock, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
