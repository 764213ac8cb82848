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

/** Most names that are passed to git, which compares each entry with each of them. */
const MOST_NAMES = 200;

export interface KnownRefresh {
  /** The index with the known stat data; null: it is up to date as it is. */
  bytes: Buffer | null;
  /** Names of the files that git has to look at. */
  stale: RawPath[];
}

/**
 * Refreshes the saved index with the stat data of the shadow index. The saved index remembers inodes and times of files
 * that were written anew; the shadow index knows all files as they are now, so its stat data is taken for files with
 * the same bytes. Git compares those once more, since they are younger than the index file, whose age is restored. A
 * file with other bytes is changed, which its old times show as well, unless git converts. Null: git has to look at all
 * files.
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
  // With many such files each later use of the index would read them all: git had better read them now, and write the
  // result down.
  if (found === null || found.known > MOST_NAMES) return null;
  const { bytes, stale, differing } = found;
  return { bytes, stale: mayConvert(place, conversion, saved, differing) ? [...stale, ...differing].sort() : stale };
}

/**
 * Has git look at `names`, or at all files. May fail without harm: every file is in place already, and git will refresh
 * its index by itself. Where a filter is not installed (LFS), git does not compare.
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
