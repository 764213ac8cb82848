import { readFile } from 'node:fs/promises';
import { joinNul } from '../git/bytes.ts';
import type { RawPath } from '../git/bytes.ts';
import { isGitError } from '../git/errors.ts';
import { runGit } from '../git/git.ts';
import { readIndexFile, staleNames } from '../git/index-file.ts';
import { whileLocked } from '../git/lock.ts';
import { statOrNull } from './endangered.ts';
import type { LoadedCheckpoint } from './saved.ts';
import type { CheckpointPlace } from './types.ts';

/** Git compares each entry with each name that it is given. */
const MOST_NAMES = 200;

/**
 * The saved index remembers inodes and times of files that were written anew. The shadow index knows all files as they
 * are now, so that git has to look at those alone that differ. Everything is in place already, and git will refresh its
 * index by itself, so that this may fail: where a filter is not installed (LFS), git does not compare.
 */
export async function refreshIndex(
  place: CheckpointPlace,
  { index, checkpoint }: Pick<LoadedCheckpoint, 'index' | 'checkpoint'>,
  shadowIndex: string,
): Promise<void> {
  if (index === null) return;
  const exists = (name: RawPath): boolean => statOrNull(place.worktree, name) !== null;
  const saved = readIndexFile(index, checkpoint.commit);
  const fresh = readIndexFile(await readFile(shadowIndex), checkpoint.commit);
  // Where they do not tell, git looks at all.
  const names = saved === null || fresh === null ? null : staleNames(saved, fresh, exists);
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
