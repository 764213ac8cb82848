import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { worktreeGitDir } from './operations.ts';

export interface LockPlaces {
  worktree: string;
  gitCommonDir: string;
  /** Names without `refs/`; a directory among them stands for all refs in it. */
  refs: readonly string[];
}

/** In a repository with reftables: the lock of a store of references as a whole. */
const STORE_LOCK = 'reftable/tables.list.lock';
/**
 * Longer than git takes to write references, ms. The common store's lock may be that of a git in any worktree, the
 * person's too, so it counts as left behind by its age alone.
 */
const STORE_LOCK_MS = 10_000;

/**
 * Removes the locks that a killed git left in a worktree and on refs: with them git would refuse for ever. The caller
 * knows that none of its own processes works there any more; `inUse` is called, when there is a lock, to learn whether
 * another program's git works there and may hold it. Returns the files.
 */
export async function clearStaleLocks(places: LockPlaces, inUse: () => boolean): Promise<string[]> {
  const found = [
    ...worktreeLocks(places.worktree),
    ...places.refs.flatMap((ref) => refLocks(places.gitCommonDir, ref)),
    ...storeLocks(places.gitCommonDir),
  ];
  if (found.length === 0 || inUse()) return [];
  for (const file of found) await rm(file, { force: true });
  return found;
}

function worktreeLocks(worktree: string): string[] {
  if (!existsSync(path.join(worktree, '.git'))) return [];
  const gitDir = worktreeGitDir(worktree);
  return ['index.lock', 'HEAD.lock', STORE_LOCK]
    .map((name) => path.join(gitDir, name))
    .filter((file) => existsSync(file));
}

/** The lock of the store that all worktrees share, where a killed git left it. */
export function storeLocks(gitCommonDir: string): string[] {
  const file = path.join(gitCommonDir, STORE_LOCK);
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > STORE_LOCK_MS ? [file] : [];
}

function refLocks(gitCommonDir: string, ref: string): string[] {
  const place = path.join(gitCommonDir, 'refs', ref);
  const own = existsSync(`${place}.lock`) ? [`${place}.lock`] : [];
  return [
    ...own,
    ...namesIn(place)
      .filter((name) => name.endsWith('.lock'))
      .map((name) => path.join(place, name)),
  ];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
