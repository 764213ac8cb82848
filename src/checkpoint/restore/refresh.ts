import { readFile } from 'node:fs/promises';
import { joinNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { isGitError } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import { readIndexFile, refreshed } from '../../git/repository/index-file.ts';
import type { IndexFile } from '../../git/repository/index-file.ts';
import { whileLocked } from '../../git/lock.ts';
import { mayConvert } from '../tree/conversions.ts';
import type { ConversionConfig } from '../tree/conversions.ts';
import { statOrNull } from '../../git/repository/on-disk.ts';
import type { CheckpointPlace } from '../tree/types.ts';

/** Git compares each entry with each name that it is given. */
const MOST_NAMES = 200;

export interface KnownRefresh {
  /** The index with the stat data that is known; null: it is up to date as it is. */
  bytes: Buffer | null;
  /** Names of those that git has to look at. */
  stale: RawPath[];
}

/**
 * The saved index remembers inodes and times of files that were written anew. The shadow index knows all files as they
 * are now: where both have the same bytes, what it knows is taken over. Git compares those with the files once more,
 * since they are younger than the index file, whose age stays what it was. Where they have other bytes the file is
 * changed, which its old times say as well, unless git converts. Null: git has to look at all of them.
 */
export async function knownRefresh(
  { place, conversion }: { place: CheckpointPlace; conversion: ConversionConfig },
  saved: IndexFile | null,
  shadowIndex: string,
  oid: string,
): Promise<KnownRefresh | null> {
  if (saved === null) return null;
  const exists = (name: RawPath): boolean => statOrNull(place.worktree, name) !== null;
  const fresh = readIndexFile(await readFile(shadowIndex), oid);
  const found = fresh === null ? null : refreshed(saved, fresh, exists);
  // Of many, each later look at the index would have to read them all: better git reads them now, and writes it down.
  if (found === null || found.known > MOST_NAMES) return null;
  const { bytes, stale, differing } = found;
  return { bytes, stale: mayConvert(place, conversion, saved, differing) ? [...stale, ...differing].sort() : stale };
}

/**
 * Has git look at `names`, or at all. Everything is in place already, and git will refresh its index by itself, so that
 * this may fail: where a filter is not installed (LFS), git does not compare.
 */
export async function refreshIndex(place: CheckpointPlace, names: readonly RawPath[] | null): Promise<void> {
  if (names?.length === 0) return;
  const few = names !== null && names.length <= MOST_NAMES;
  const args = few
    ? ['--literal-pathspecs', 'add', '--refresh', '--pathspec-from-file=-', '--pathspec-file-nul']
    : ['update-index', '-q', '--refresh'];
  const input = few ? joinNul(names) : undefined;
  try {
    // Exit 1 only says "some differ".
    await whileLocked(() => runGit(args, { cwd: place.worktree, okCodes: [1], input }));
  } catch (error) {
    if (!isGitError(error)) throw error;
  }
}
