import { randomUUID } from 'node:crypto';
import { copyFile, link, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from '../../lib/running.ts';

/**
 * A working copy of an agent's index file. The index file is a cache and is never changed in place: git works on a hard
 * link of it, whose lock file therefore has a name of its own, so that the stale lock of a killed git is never in the
 * way. A link, not a copy, because git judges an entry's freshness by the age of the index file itself.
 */
export interface WorkIndex {
  path: string;
  /** Identity of the index as it was found; null when there was none. */
  identity: string | null;
  /** Identity of the index as it is now. */
  now(): Promise<string | null>;
  /** True when git has written a new file: something in the worktree was touched. */
  touched(): Promise<boolean>;
  /** Makes the working copy the agent's index. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

export async function openWorkIndex(index: string): Promise<WorkIndex> {
  const work = `${index}.work-${process.pid}-${randomUUID().slice(0, 8)}`;
  const existed = await linkOrCopy(index, work);
  const before = existed ? await identityOf(work) : null;
  return {
    path: work,
    identity: before,
    now: () => identityOf(work),
    touched: async () => (await identityOf(work)) !== before,
    keep: async () => {
      if ((await identityOf(work)) !== before) await rename(work, index);
      else await rm(work, { force: true });
    },
    discard: async () => {
      await rm(work, { force: true });
      await rm(`${work}.lock`, { force: true });
    },
  };
}

async function identityOf(file: string): Promise<string | null> {
  try {
    const { ino, mtimeNs } = await stat(file, { bigint: true });
    return `${ino}-${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function linkOrCopy(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
  }
  await copyFile(from, to);
  const seconds = Math.floor((await stat(from)).mtimeMs / 1000);
  await utimes(to, seconds, seconds);
  return true;
}

/** Removes the working copies of processes that no longer live. */
export async function sweepWorkIndexes(index: string): Promise<void> {
  const prefix = `${path.basename(index)}.work-`;
  const folder = path.dirname(index);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (pid !== process.pid && !isRunning(pid)) await rm(path.join(folder, name), { force: true });
  }
}
