import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { worktreeGitDir } from './operations.ts';

/** In a repository with reftables: the lock of a store of references as a whole. */
const STORE_LOCK = 'reftable/tables.list.lock';
/** Locks in a worktree's own git directory, under which git refuses to work there. */
const WORKTREE_LOCKS = ['index.lock', 'HEAD.lock', STORE_LOCK];
/** Locks that all worktrees share, and what git refuses under each. */
const COMMON_LOCKS: ReadonlyMap<string, string> = new Map([
  [STORE_LOCK, 'no branch, HEAD or checkpoint can be written, in any worktree'],
  ['packed-refs.lock', 'no branch can be deleted, and no checkpoint dropped'],
  ['config.lock', 'no setting of the repository can be changed'],
]);

export interface LockPlaces {
  worktree: string;
  gitCommonDir: string;
  /** Names without `refs/`; a directory among them stands for all refs in it. */
  refs: readonly string[];
}

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

export function worktreeLocks(worktree: string): string[] {
  if (!existsSync(path.join(worktree, '.git'))) return [];
  const gitDir = worktreeGitDir(worktree);
  return WORKTREE_LOCKS.map((name) => path.join(gitDir, name)).filter((file) => existsSync(file));
}

/** The lock of the store that all worktrees share, where a killed git left it. */
function storeLocks(gitCommonDir: string): string[] {
  const file = path.join(gitCommonDir, STORE_LOCK);
  return isOld(file) ? [file] : [];
}

function isOld(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > STORE_LOCK_MS;
}

export interface LeftLock {
  file: string;
  /** What git refuses under it, as a clause. */
  prevents: string;
  /** Whether it stops all worktrees. */
  stopsAll: boolean;
}

/** The locks of a repository and some of its worktrees that are older than git's work takes, unless `inUse`. */
export function leftLocks(
  { gitCommonDir, worktrees }: { gitCommonDir: string; worktrees: readonly string[] },
  inUse: (directories: string[]) => boolean,
): LeftLock[] {
  const common = [...COMMON_LOCKS].map(([name, prevents]) => ({
    file: path.join(gitCommonDir, name),
    prevents,
    stopsAll: name === STORE_LOCK,
  }));
  const own = worktrees.flatMap((worktree) =>
    worktreeLocks(worktree).map((file) => ({
      file,
      prevents: `nothing can be staged or committed in ${worktree}`,
      stopsAll: false,
    })),
  );
  // The main worktree's store of references is the common one.
  const found = [...common, ...own.filter(({ file }) => !common.some((one) => one.file === file))];
  const old = found.filter(({ file }) => isOld(file));
  return old.length === 0 || inUse([gitCommonDir, ...worktrees]) ? [] : old;
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
