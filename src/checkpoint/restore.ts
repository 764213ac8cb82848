import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { bytesBelow, joinNul, splitNul } from '../git/bytes.ts';
import type { RawPath } from '../git/bytes.ts';
import { runGit } from '../git/git.ts';
import { whileLocked } from '../git/lock.ts';
import { shadowGit } from './observe.ts';
import type { Shadow, TreeChanges } from './observe.ts';
import type { LockedIndex } from './persons-index.ts';
import type { SavedState } from './record.ts';
import { openDirectories, restoreEmptyDirs, restoreModes, restoreOperations } from './restore-extras.ts';
import { restoreHead } from './restore-head.ts';
import type { LoadedCheckpoint } from './saved.ts';
import { indexPath, shadowEnvironment } from './shadow.ts';
import { openWorkIndex } from './shadow-index.ts';
import type { CheckpointPlace } from './types.ts';

export interface RestoreContext {
  place: CheckpointPlace;
  gitDir: string;
  config: readonly string[];
}

/** The way from what is there, captured in full, to the checkpoint that is wanted. */
export interface Way {
  tree: string;
  saved: SavedState;
  /** Files of the target that come, that go, and all that differ. */
  changes: TreeChanges;
  /** Files that are there and captured. */
  captured: ReadonlySet<RawPath>;
  /** Files of the target. */
  files: RawPath[];
}

/**
 * Makes the worktree what `target` was; `way` begins with what is there now, just captured. Every step can be done again
 * after a kill. `lock` holds the person's index all the while, which is set last. Returns warnings.
 */
export async function restore(
  context: RestoreContext,
  lock: LockedIndex,
  way: Way,
  target: LoadedCheckpoint,
): Promise<string[]> {
  const { place, gitDir } = context;
  const { saved, files, changes } = way;
  try {
    openDirectories(place.worktree, saved);
    await restoreFiles(context, way, target);
    await restoreEmptyDirs(place.worktree, saved, target.saved, files);
    restoreModes(place.worktree, saved, target.saved, files, changes.all);
    const warnings = await restoreHead(place, gitDir, { branch: target.saved.branch, commit: target.saved.head });
    await restoreOperations(gitDir, target.operations);
    await lock.commit();
    // The saved index remembers inodes and times of files that were written anew; exit 1 only says "some differ".
    await whileLocked(() => runGit(['update-index', '-q', '--refresh'], { cwd: place.worktree, okCodes: [1] }));
    return warnings;
  } finally {
    await lock.release();
  }
}

async function restoreFiles(context: RestoreContext, way: Way, target: LoadedCheckpoint): Promise<void> {
  const { place, config } = context;
  const work = await openWorkIndex(indexPath(place));
  try {
    const shadow: Shadow = { place, index: work.path, config };
    // What the checkpoint left out for its size and a later one holds is there still; git would remove it.
    const leftOut = target.saved.leftOut ?? [];
    if (leftOut.length > 0)
      await shadowGit(shadow, ['update-index', '-z', '--force-remove', '--stdin'], joinNul(leftOut));
    await shadowGit(shadow, ['read-tree', '-u', '--reset', target.checkpoint.tree]);
    await work.keep();
    await bringBackIgnored(shadow, way.tree, way.changes.all);
  } finally {
    await work.discard();
  }
}

/**
 * A file that was ignored at the checkpoint and captured since (the pattern was taken away meanwhile) was removed just
 * now; by the restored patterns it is ignored again, and ignored files are not touched by a rollback.
 */
async function bringBackIgnored(shadow: Shadow, current: string, changed: readonly RawPath[]): Promise<void> {
  const { place, config } = shadow;
  const gone = changed.filter((raw) => !exists(place.worktree, raw));
  if (gone.length === 0) return;
  const work = await openWorkIndex(`${indexPath(place)}.ignored`);
  try {
    const own: Shadow = { place, index: work.path, config };
    const { stdout } = await runGit([...config, 'check-ignore', '-z', '--stdin'], {
      cwd: place.worktree,
      env: shadowEnvironment(place, indexPath(place)),
      // A file may be called `:(top)x`, which begins with what means something to git.
      input: joinNul(gone.map((raw) => `./${raw}`)),
      okCodes: [1],
    });
    const back = splitNul(stdout).map((raw) => raw.slice('./'.length));
    if (back.length === 0) return;
    await shadowGit(own, ['read-tree', current]);
    await shadowGit(own, ['checkout-index', '-f', '-z', '--stdin'], joinNul(back));
  } finally {
    await work.discard();
  }
}

function exists(worktree: string, raw: RawPath): boolean {
  return statOrNull(worktree, raw) !== null;
}

export function statOrNull(worktree: string, raw: RawPath): Stats | null {
  try {
    return lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw error;
  }
}

/**
 * Files on disk that a restore of `files` would overwrite and that no capture holds, because git ignores them now.
 * They are captured before harm comes to them.
 */
export function endangered(worktree: string, files: readonly RawPath[], captured: ReadonlySet<RawPath>): Set<RawPath> {
  const found = new Set<RawPath>();
  for (const file of files) {
    if (captured.has(file)) continue;
    // A file may lie where a directory of the checkpoint was, or a directory where a file was.
    for (let end = file.indexOf('/'); end !== -1; end = file.indexOf('/', end + 1)) {
      const parent = file.slice(0, end);
      const stat = statOrNull(worktree, parent);
      if (stat === null) break;
      if (!stat.isDirectory()) found.add(parent);
    }
    collectFiles(worktree, file, found);
  }
  for (const file of captured) found.delete(file);
  return found;
}

function collectFiles(worktree: string, raw: RawPath, found: Set<RawPath>): void {
  const stat = statOrNull(worktree, raw);
  if (stat === null) return;
  if (!stat.isDirectory()) {
    found.add(raw);
    return;
  }
  const entries = readdirSync(bytesBelow(worktree, raw), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  if (entries.includes('.git')) return;
  for (const name of entries) collectFiles(worktree, `${raw}/${name}`, found);
}
