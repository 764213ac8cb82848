import type { LastCapture } from './capture/capture-types.ts';
import { existsSync } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import { printable } from '../git/bytes.ts';
import type { RawPath } from '../git/bytes.ts';
import { KeyedMutex } from '../lib/mutex.ts';
import { placesOfChange } from '../git/repository/operation-refs.ts';
import { worktreeGitDir } from '../git/repository/operations.ts';
import { worktreeExcludes } from '../git/own-excludes.ts';
import { diffText } from '../git/task/task-diff.ts';
import type { TaskDiff } from '../git/task/task-diff.ts';
import { branchCheckpoint } from './restore/branch.ts';
import type { MadeBranch } from './restore/branch.ts';
import { capture, readTree } from './capture/capture.ts';
import type { CaptureResult } from './capture/capture.ts';
import { afterRollback } from './capture/last-capture.ts';
import { withDiskErrors } from './disk-errors.ts';
import { configurationSignature } from './tree/ignore-rules.ts';
import { beginJournal, endJournal, readJournal, rollbackUnderWay } from './restore/journal.ts';
import { changedFiles } from './tree/observe.ts';
import { dropOwnIndexLock, lockIndex } from './restore/persons-index.ts';
import type { LockedIndex } from './restore/persons-index.ts';
import type { SavedState } from './refs/checkpoint-commit.ts';
import { findCheckpoint, isLoose, listCheckpoints, newestCheckpoint, unknownCheckpoint } from './refs/refs.ts';
import { endangered, refuseUnreadable } from './capture/would-overwrite.ts';
import { refuseRepositories } from './restore/refuse-repositories.ts';
import { restore } from './restore/restore.ts';
import { restorePaths, select } from './restore/restore-paths.ts';
import { loadCheckpoint, loadNumber } from './refs/load.ts';
import type { LoadedCheckpoint } from './refs/load.ts';
import { readRepositoryConfig } from './tree/repository-config.ts';
import type { RepositoryConfig } from './tree/repository-config.ts';
import { ensureShadow, indexPath } from './tree/shadow.ts';
import { sweepWorkIndexes } from './tree/shadow-index.ts';
import { WorktreeWatch } from './capture/watch.ts';
import { planFrom, RestorePlanner } from './restore/restore-plan.ts';
import type { RestorePlan } from './restore/restore-plan.ts';
import { DEFAULT_LIMITS } from './tree/types.ts';
import type {
  Captured,
  CaptureRequest,
  Checkpoint,
  CheckpointLimits,
  CheckpointPlace,
  RestoredPaths,
  RolledBack,
} from './tree/types.ts';

/** How an interrupted rollback was ended: `finished` at `n`, or `undone` back to `safety`. */
export interface Recovered {
  n: number;
  safety: number;
  outcome: 'finished' | 'undone' | 'never-begun';
}

interface Opened extends RepositoryConfig {
  gitDir: string;
  /** Ignore file of this worktree alone. */
  excludes: string | null;
  configured: string;
}

/** One action at a time on the checkpoints of an agent, in this process. */
const lanes = new KeyedMutex();

/**
 * The checkpoints of one agent: `refs/swarm/checkpoints/<agent>/<n>` in the real repository. Several stores, in this or
 * other processes, may capture at once. A rollback needs the agent's processes to be gone.
 */
export class CheckpointStore {
  readonly place: CheckpointPlace;
  #opened: Promise<Opened> | null = null;
  #remembered: LastCapture | null = null;
  readonly #watch = new WorktreeWatch();

  readonly #limits: CheckpointLimits;

  constructor(place: CheckpointPlace, limits: CheckpointLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(place.agent)) {
      throw new SwarmError('invalid-agent-id', `"${place.agent}" cannot be part of a ref name`, {
        hint: 'Use letters, digits, dashes and underscores.',
        exitCode: 2,
      });
    }
    this.place = place;
  }

  /** Writes a checkpoint, or names the newest one when nothing changed since. Git's own index is never touched. */
  async capture(request: CaptureRequest): Promise<Captured> {
    return this.#alone(() => this.#capture(request, new Set()));
  }

  /**
   * Captures for a timer: null, without a process started, while the watch knows that nothing has changed since the
   * last time. `request` is called only when there is something to capture.
   */
  async captureIfStirred(request: () => Promise<CaptureRequest>): Promise<Captured | null> {
    if (!this.#watch.changed) return null;
    const why = await request();
    return this.#alone(async () => {
      const { gitDir } = await this.#open();
      const before = this.#directories();
      // The watch begins first: changes while the capture looks count for the next time.
      this.#watch.begin(this.place.worktree, before, placesOfChange(gitDir));
      const captured = await this.#capture(why, new Set());
      if (JSON.stringify(this.#directories()) !== JSON.stringify(before)) this.#watch.close();
      return captured;
    });
  }

  /** Ends the watch. */
  close(): void {
    this.#watch.close();
  }

  /** The directories in which a change would count; null before the first capture. */
  #directories(): RawPath[] | null {
    const known = this.#remembered;
    return known === null ? null : [...new Set([...known.directories, ...known.scan.seen.keys()])].sort();
  }

  /** The checkpoints, oldest first. */
  async list(): Promise<Checkpoint[]> {
    return listCheckpoints(this.place);
  }

  async head(): Promise<Checkpoint | null> {
    return newestCheckpoint(this.place);
  }

  /**
   * The difference from one checkpoint to another, or to the present files, byte for byte (no filters, no line-ending
   * conversion).
   */
  async diff(from: number, to: number | null): Promise<TaskDiff> {
    const a = await findCheckpoint(this.place, from);
    const tree = to === null ? await this.#treeNow() : (await findCheckpoint(this.place, to)).tree;
    return this.#diffTrees(a.tree, tree);
  }

  /** A checkpoint, and what it changed since the one before (the first one: since HEAD). */
  async show(n: number): Promise<{ checkpoint: Checkpoint; since: number | null; diff: TaskDiff; loaded: SavedState }> {
    const list = await this.list();
    const at = list.findIndex((checkpoint) => checkpoint.n === n);
    const checkpoint = list[at];
    if (checkpoint === undefined) throw unknownCheckpoint(this.place.agent, n, list);
    const before = list[at - 1] ?? null;
    const base = before?.tree ?? checkpoint.head;
    const [diff, { saved }] = await Promise.all([
      base === null ? { text: '', files: [] } : this.#diffTrees(base, checkpoint.tree),
      loadCheckpoint(this.place, checkpoint),
    ]);
    return { checkpoint, since: before?.n ?? null, diff, loaded: saved };
  }

  /**
   * Sets files or directories back to what they were in checkpoint `n`, and no others; the present files are captured
   * first. Errors: `unknown-checkpoint`, `unknown-path`, `rollback-under-way`.
   */
  async restorePaths(
    n: number,
    paths: readonly string[],
    request: Omit<CaptureRequest, 'reason'>,
  ): Promise<RestoredPaths> {
    return this.#alone(async () => {
      const target = await loadNumber(this.place, n);
      if ((await readJournal(this.place)) !== null) throw rollbackUnderWay(this.place.agent);
      const files = await changedFiles(this.place, null, target.checkpoint.tree);
      const only = new Set(select(files, paths, `checkpoint ${n} of ${this.place.agent}`));
      const { safety } = await this.#captureBefore(n, `before restoring ${paths.join(' ')} of ${n}`, { request, only });
      const context = { place: this.place, ...(await this.#open()) };
      const changed = await restorePaths(context, safety, target, paths);
      return { n, safety: safety.n, changed: changed.map(printable) };
    });
  }

  /** Makes a branch with the files of checkpoint `n` in one ordinary commit. Errors: `bad-branch`, `branch-exists`. */
  async branch(n: number, name: string): Promise<MadeBranch> {
    return branchCheckpoint(this.place, await findCheckpoint(this.place, n), name);
  }

  #diffTrees(from: string, to: string): Promise<TaskDiff> {
    // In the repository, since the worktree may be gone; attributes of a checkout would convert the text.
    const { gitCommonDir } = this.place;
    return diffText(gitCommonDir, [from, to], { GIT_DIR: gitCommonDir });
  }

  /** A tree of the present files, without a checkpoint of it. */
  async #treeNow(): Promise<string> {
    return this.#alone(async () => {
      const { gitDir, config } = await this.#open();
      const limits = this.#limits;
      return readTree({ place: this.place, gitDir, config, limits, remembered: null, alsoCapture: new Set() });
    });
  }

  /**
   * Sets the worktree back to checkpoint `n`: files, modes, links, empty directories, HEAD and its branch, the index,
   * an unfinished merge. Ignored files stay. The present files are captured first, as `safety`. Errors:
   * `unknown-checkpoint`, `index-locked` (nothing changed), `rollback-under-way`, `damaged-checkpoint`.
   */
  async rollback(n: number): Promise<RolledBack> {
    return this.#alone(async () => {
      const { target, safety, way } = await this.#captureBefore(n, `before rollback to ${n}`);
      await beginJournal(this.place, { n, safety: safety.n, at: new Date().toISOString() });
      const lock = await this.#lock(target).catch(async (error: unknown) => {
        await endJournal(this.place); // nothing was changed
        throw error;
      });
      const warnings = await this.#restore(lock, way, target).catch(async (error: unknown) => {
        await this.#takeBack(safety.n, error);
        throw error;
      });
      await endJournal(this.place);
      return {
        n,
        safety: safety.n,
        changed: way.changes.all.map(printable),
        warnings: [...safety.warnings, ...warnings],
      };
    });
  }

  /** Ends a rollback that a kill interrupted; to be called before an agent starts. Null when there was none. */
  async recover(): Promise<Recovered | null> {
    return this.#alone(async () => {
      const journal = await readJournal(this.place);
      if (journal === null) return null;
      if (journal === 'unbegun') {
        await endJournal(this.place);
        return { n: 0, safety: 0, outcome: 'never-begun' };
      }
      const { n, safety } = journal;
      try {
        await this.#goOn(n, safety);
        await endJournal(this.place);
        return { n, safety, outcome: 'finished' };
      } catch (error) {
        if (error instanceof SwarmError && error.retrySafe) throw error;
        await this.#goOn(safety);
        await endJournal(this.place);
        return { n, safety, outcome: 'undone' };
      }
    });
  }

  /**
   * Brings back what was there before a rollback that cannot be carried out: git has deleted files by then. Where this
   * fails too (the disk is full), and where another try may do, the journal stays: the next start ends the rollback.
   */
  async #takeBack(safety: number, error: unknown): Promise<void> {
    if (error instanceof SwarmError && error.retrySafe) return;
    try {
      await this.#goOn(safety);
    } catch {
      return;
    }
    await endJournal(this.place);
  }

  async #goOn(n: number, safety?: number): Promise<void> {
    const target = await loadNumber(this.place, n);
    const { gitDir } = await this.#open();
    await dropOwnIndexLock(gitDir, target.index);
    // Changes since the kill must not be lost either.
    const { way } = await this.#captureBefore(n, `before going on with the rollback to ${n}`);
    // A file that the target ignores may have been removed by the first try, and is in no later capture.
    const first = (await this.list()).find((one) => one.n === safety);
    const before = first === undefined ? undefined : await planFrom(this.place, first, target);
    await this.#restore(await this.#lock(target), way, target, before);
  }

  async #captureBefore(
    n: number,
    reason: string,
    { request = {}, only }: { request?: Omit<CaptureRequest, 'reason'>; only?: ReadonlySet<RawPath> } = {},
  ): Promise<{ target: LoadedCheckpoint; safety: Captured; way: RestorePlan }> {
    // A checkpoint that surely exists can be read while the worktree is captured; for any other the capture would be in
    // vain.
    const early = isLoose(this.place, n) ? null : await loadNumber(this.place, n);
    const loading = early === null ? loadNumber(this.place, n) : Promise.resolve(early);
    const finder = new RestorePlanner(this.place, loading);
    const onTree = (tree: string, listing: Buffer): void => finder.begin(tree, listing);
    const [taken, read] = await Promise.allSettled([
      this.#captureAll({ ...request, reason }, new Set(), onTree),
      loading,
    ]);
    if (taken.status === 'rejected') throw taken.reason;
    if (read.status === 'rejected') throw read.reason;
    const [first, target] = [taken.value, read.value];
    const way = await finder.find(first.remembered);
    const { added: allAdded, placed } = way.changes;
    refuseRepositories(this.place.worktree, only === undefined ? placed : placed.filter((file) => only.has(file)));
    // Files that both hold are captured.
    const added = only === undefined ? allAdded : allAdded.filter((file) => only.has(file));
    const hollow = only === undefined ? target.saved.emptyDirs : [];
    const danger =
      added.length + hollow.length === 0
        ? new Set<RawPath>()
        : endangered(this.place.worktree, added, way.captured, hollow);
    refuseUnreadable(this.place.worktree, danger);
    if (danger.size === 0) return { target, safety: first.captured, way };
    const { captured: safety, remembered } = await this.#captureAll({ ...request, reason, force: true }, danger);
    return { target, safety, way: await finder.find(remembered) };
  }

  async #lock(target: LoadedCheckpoint): Promise<LockedIndex> {
    return lockIndex((await this.#open()).gitDir, target.index, target.saved.indexTime);
  }

  async #restore(
    lock: LockedIndex,
    way: RestorePlan,
    target: LoadedCheckpoint,
    before?: Pick<RestorePlan, 'tree' | 'changes'>,
  ): Promise<string[]> {
    const context = await this.#open();
    this.#remembered = this.#remembered && afterRollback(this.#remembered);
    return restore({ place: this.place, ...context }, lock, way, target, before);
  }

  async #capture(request: CaptureRequest, alsoCapture: ReadonlySet<string>): Promise<Captured> {
    return (await this.#captureAll(request, alsoCapture)).captured;
  }

  async #captureAll(
    request: CaptureRequest,
    alsoCapture: ReadonlySet<string>,
    onTree?: (tree: string, listing: Buffer) => void,
  ): Promise<CaptureResult> {
    const { gitDir, config } = await this.#open();
    const limits = this.#limits;
    const context = { place: this.place, gitDir, config, limits, remembered: this.#remembered, alsoCapture, onTree };
    const result = await capture(context, request);
    this.#remembered = result.remembered;
    return result;
  }

  async #open(): Promise<Opened> {
    const { place } = this;
    const gitDir = worktreeGitDir(place.worktree);
    // A person may clear the state directory while this process lives: it holds a cache. The worktree, too, may be made
    // anew under another registration, or be given an ignore file of its own, by configuration too.
    const known = await this.#opened;
    const excludes = worktreeExcludes(place.worktree);
    const configured = configurationSignature(place, gitDir);
    const holds = known?.gitDir === gitDir && known.excludes === excludes && known.configured === configured;
    if (!holds || this.#opened === null || !existsSync(place.shadowGit)) {
      this.#remembered = null;
      const opening = (async () => {
        await ensureShadow(place);
        await sweepWorkIndexes(indexPath(place));
        return { gitDir, excludes, configured, ...(await readRepositoryConfig(place.worktree)) };
      })();
      this.#opened = opening;
      opening.catch(() => {
        if (this.#opened === opening) this.#opened = null;
      });
    }
    return this.#opened;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return lanes.run(`${this.place.shadowGit}:${this.place.agent}`, () => withDiskErrors(work));
  }
}
