import type { LastCapture } from '../capture/capture-types.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RawPath } from '../../git/bytes.ts';
import { isGitError } from '../../git/errors.ts';
import { treeChanges } from '../tree/observe.ts';
import type { TreeChanges } from '../tree/observe.ts';
import type { SavedState } from '../refs/checkpoint-commit.ts';
import type { LoadedCheckpoint } from '../refs/load.ts';
import { parseListing } from '../tree/tree-extras.ts';
import type { Checkpoint, CheckpointPlace } from '../tree/types.ts';

/** The way from the present files, captured in full, to the wanted checkpoint. */
export interface RestorePlan {
  tree: string;
  saved: SavedState;
  /** Identity of the shadow index that equals this tree. */
  shadowIndex: string | null;
  /** Files that the target adds and removes, and all that differ. */
  changes: TreeChanges;
  /** Files on disk that are captured. */
  captured: ReadonlySet<RawPath>;
  /** Files of the target. */
  files: RawPath[];
}

/** The plan from a checkpoint to another; undefined where the first is too damaged for one. */
export async function planFrom(
  place: CheckpointPlace,
  { damaged, tree }: Checkpoint,
  target: LoadedCheckpoint,
): Promise<Pick<RestorePlan, 'tree' | 'changes'> | undefined> {
  if (damaged) return undefined;
  try {
    return { tree, changes: await treeChanges(place, tree, target.checkpoint.tree) };
  } catch (error) {
    // The commit exists, its tree does not.
    if (isGitError(error, 'corrupt-repository', 'unknown-revision')) return undefined;
    throw error;
  }
}

const filesOf = (listing: Buffer): ReadonlySet<RawPath> => new Set(parseListing(listing).files);

/** Finds the plan. It may begin while the checkpoint of the present files is still being written. */
export class RestorePlanner {
  readonly #place: CheckpointPlace;
  readonly #target: Promise<LoadedCheckpoint>;
  #begun: { tree: string; changes: Promise<TreeChanges | null>; captured: Promise<ReadonlySet<RawPath>> } | null = null;

  constructor(place: CheckpointPlace, target: Promise<LoadedCheckpoint>) {
    this.#place = place;
    this.#target = target;
  }

  /** Begins with the tree of the present files, just stored, whose names are in `listing`. */
  begin(tree: string, listing: Buffer): void {
    // An error here comes again when the plan is needed, and is thrown then.
    const changes = this.#changesFrom(tree).catch(() => null);
    // Parsed after the next program was started, while that runs.
    const captured = nextTurn().then(() => filesOf(listing));
    this.#begun = { tree, changes, captured };
  }

  async find({ state, listing, shadowIndex }: LastCapture): Promise<RestorePlan> {
    const { tree, saved } = state;
    const begun = this.#begun?.tree === tree ? this.#begun : null;
    const changes = (await begun?.changes) ?? (await this.#changesFrom(tree));
    const gone = new Set(changes.removed);
    const captured = (await begun?.captured) ?? filesOf(listing);
    const files = [...[...captured].filter((file) => !gone.has(file)), ...changes.added];
    return { tree, saved, shadowIndex, changes, captured, files };
  }

  async #changesFrom(tree: string): Promise<TreeChanges> {
    return treeChanges(this.#place, tree, (await this.#target).checkpoint.tree);
  }
}
