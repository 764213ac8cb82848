import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { bytesBelow, joinNul, splitNul } from '../git/bytes.ts';
import type { RawPath } from '../git/bytes.ts';
import { runGit } from '../git/git.ts';
import { whileLocked } from '../git/lock.ts';
import { changedFiles, shadowGit } from './observe.ts';
import type { Shadow } from './observe.ts';
import type { LockedIndex } from './persons-index.ts';
import type { StateToSave } from './record.ts';
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

/** What is there before, as a checkpoint holds it. */
export type Before = Pick<StateToSave, 'tree' | 'saved'>;

/**
 * Makes the worktree what `target` was, whose files are `files`. `current` is a checkpoint of what is there now, just
 * captured. Every step can be done again after a kill. `lock` holds the person's index all the while, which is set last.
 */
export async function restore(
  context: RestoreContext,
  lock: LockedIndex,
  current: Before,
  target: LoadedCheckpoint,
  files: readonly RawPath[],
): Promise<{ changed: RawPath[]; warnings: string[] }> {
  const { place, gitDir } = context;
  try {
    openDirectories(place.worktree, current.saved);
    const changed = await restoreFiles(context, current, target);
    await restoreEmptyDirs(place.worktree, current.saved, target.saved, files);
    restoreModes(place.worktree, current.saved, target.saved, files, changed);
    const warnings = await restoreHead(place, gitDir, { branch: target.saved.branch, commit: target.saved.head });
    await restoreOperations(gitDir, target.operations);
    await lock.commit();
    // The saved index remembers inodes and times of files that were written anew; exit 1 only says "some differ".
    await whileLocked(() => runGit(['update-index', '-q', '--refresh'], { cwd: place.worktree, okCodes: [1] }));
    return { changed, warnings };
  } finally {
    await lock.release();
  }
}

/** Returns the files that differ. */
async function restoreFiles(context: RestoreContext, current: Before, target: LoadedCheckpoint): Promise<RawPath[]> {
  const { place, config } = context;
  const work = await openWorkIndex(indexPath(place));
  try {
    const shadow: Shadow = { place, index: work.path, config };
    // What the checkpoint left out for its size and a later one holds is there still; git would remove it.
    const leftOut = target.saved.leftOut ?? [];
    if (leftOut.length > 0)
      await shadowGit(shadow, ['update-index', '-z', '--force-remove', '--stdin'], joinNul(leftOut));
    const [changed] = await Promise.all([
      changedFiles(place, current.tree, target.checkpoint.tree),
      shadowGit(shadow, ['read-tree', '-u', '--reset', target.checkpoint.tree]),
    ]);
    await work.keep();
    await bringBackIgnored(shadow, current.tree, changed);
    return changed;
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
      input: joinNul(gone),
      okCodes: [1],
    });
    const back = splitNul(stdout);
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
