import { rm } from 'node:fs/promises';
import { bytesBelow, joinNul, splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { isGitError } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import type { ConversionConfig } from '../tree/conversions.ts';
import { inTheWay, statOrNull } from '../../git/repository/on-disk.ts';
import { shadowGit } from '../tree/observe.ts';
import type { Shadow } from '../tree/observe.ts';
import type { LockedIndex } from './persons-index.ts';
import { readIndexFile } from '../../git/repository/index-file.ts';
import { writeOperation } from '../../git/repository/operations.ts';
import { writeBegunTask } from '../../git/worktree/worktree-task.ts';
import { knownRefresh, refreshIndex } from './refresh-index.ts';
import { openDirectories, restoreEmptyDirs, restoreModes } from './restore-extras.ts';
import { restoreHead } from './restore-head.ts';
import type { LoadedCheckpoint } from '../refs/load.ts';
import { indexPath, shadowEnvironment } from '../tree/shadow.ts';
import { openWorkIndex } from '../tree/shadow-index.ts';
import { parentsOf } from '../tree/tree-extras.ts';
import type { CheckpointPlace } from '../tree/types.ts';
import type { RestorePlan } from './restore-plan.ts';

export interface RestoreContext {
  place: CheckpointPlace;
  gitDir: string;
  config: readonly string[];
  conversion: ConversionConfig;
}

/**
 * Makes the worktree what `target` was. `way` begins with the present files, just captured. Every step can be repeated
 * after a kill. `lock` holds the person's index all the while, which is set last. `before`, after an interrupted try,
 * is the plan from the files before that try.
 * @returns warnings
 */
export async function restore(
  context: RestoreContext,
  lock: LockedIndex,
  way: RestorePlan,
  target: LoadedCheckpoint,
  before?: Pick<RestorePlan, 'tree' | 'changes'>,
): Promise<string[]> {
  const { place, gitDir } = context;
  const { saved, files, changes } = way;
  try {
    openDirectories(place.worktree, saved);
    const oid = target.checkpoint.commit;
    const restoring = restoreFiles(context, way, target, before);
    // Git is at work, and this process has time.
    const index = target.index === null ? null : readIndexFile(target.index, oid);
    await restoring;
    await restoreEmptyDirs(place.worktree, saved, target.saved, files);
    restoreModes(place.worktree, saved, target.saved, files, changes.all);
    const warnings = await restoreHead(place, gitDir, { branch: target.saved.branch, commit: target.saved.head });
    await writeOperation(place.worktree, target.operations);
    const { begunTask = null } = target.saved;
    // The conversation is none of the files' business: it is decided elsewhere.
    await writeBegunTask(gitDir, begunTask === null ? null : { task: begunTask, attempt: 0, sessionId: null });
    const known = await knownRefresh(context, index, indexPath(place), oid);
    await lock.commit(known?.bytes ?? null);
    if (target.index !== null) await refreshIndex(place, known?.stale ?? null);
    return warnings;
  } finally {
    await lock.release();
  }
}

async function restoreFiles(
  context: RestoreContext,
  way: RestorePlan,
  target: LoadedCheckpoint,
  before: Pick<RestorePlan, 'tree' | 'changes'> | undefined,
): Promise<void> {
  const { place, config } = context;
  const work = await openWorkIndex(indexPath(place));
  try {
    const shadow: Shadow = { place, index: work.path, config };
    // A file that this checkpoint left out for its size, and that a later one holds, is still on disk; git would remove
    // it.
    const leftOut = target.saved.leftOut ?? [];
    if (leftOut.length > 0)
      await shadowGit(shadow, ['update-index', '-z', '--force-remove', '--stdin'], joinNul(leftOut));
    await readInto(shadow, way, target.checkpoint.tree, leftOut.length === 0 && work.identity === way.shadowIndex);
    await work.keep();
    await bringBackIgnored(shadow, way, target.saved.emptyDirs);
    if (before !== undefined) await bringBackIgnored(shadow, before, target.saved.emptyDirs);
  } finally {
    await work.discard();
  }
}

/**
 * Reads the tree into index and worktree. From tree to tree git touches only files that differ, and spares a look at
 * all others. It needs an index that equals the first tree, and refuses where a file has changed this very moment or
 * something untracked is in the way.
 */
async function readInto(shadow: Shadow, way: RestorePlan, tree: string, sameIndex: boolean): Promise<void> {
  if (sameIndex) {
    try {
      await shadowGit(shadow, ['read-tree', '-m', '-u', way.tree, tree]);
      return;
    } catch (error) {
      if (!isGitError(error, 'git-failed', 'branch-dirty')) throw error;
    }
  }
  await shadowGit(shadow, ['read-tree', '-u', '--reset', tree]);
}

/**
 * Brings back files that were ignored at the checkpoint and captured since, because their pattern was removed
 * meanwhile. The restore has just removed them; the restored patterns ignore them again, and a rollback does not touch
 * ignored files. Restored files come first: nothing comes back below a file or a link, or in the place of an empty
 * directory.
 */
async function bringBackIgnored(
  shadow: Shadow,
  { tree: current, changes }: Pick<RestorePlan, 'tree' | 'changes'>,
  emptyDirs: readonly RawPath[],
): Promise<void> {
  const { place, config } = shadow;
  const { worktree } = place;
  const gone = changes.all.filter((raw) => statOrNull(worktree, raw) === null && inTheWay(worktree, raw) === null);
  if (gone.length === 0) return;
  const work = await openWorkIndex(`${indexPath(place)}.ignored`);
  try {
    const own: Shadow = { place, index: work.path, config };
    const { stdout } = await runGit([...config, 'check-ignore', '-z', '--stdin'], {
      cwd: place.worktree,
      env: shadowEnvironment(place, indexPath(place)),
      // A file may be called `:(top)x`: git gives that beginning a meaning.
      input: joinNul(gone.map((raw) => `./${raw}`)),
      okCodes: [1],
    });
    const taken = new Set([...emptyDirs, ...parentsOf(emptyDirs)]);
    const back = splitNul(stdout)
      .map((raw) => raw.slice('./'.length))
      .filter((raw) => !taken.has(raw));
    if (back.length === 0) return;
    await shadowGit(own, ['read-tree', current]);
    await shadowGit(own, ['checkout-index', '-f', '-z', '--stdin'], joinNul(back)).catch(async (error: unknown) => {
      // A file cut short by a full disk would be taken for one that has come back.
      for (const raw of back) await rm(bytesBelow(worktree, raw), { force: true }).catch(() => undefined);
      throw error;
    });
  } finally {
    await work.discard();
  }
}
