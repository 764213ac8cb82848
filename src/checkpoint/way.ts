import type { RawPath } from '../git/bytes.ts';
import { treeChanges } from './observe.ts';
import type { TreeChanges } from './observe.ts';
import type { SavedState } from './record.ts';
import type { Remembered } from './remembered.ts';
import type { LoadedCheckpoint } from './saved.ts';
import { parseListing } from './tree-extras.ts';
import type { CheckpointPlace } from './types.ts';

/** The way from what is there, captured in full, to the checkpoint that is wanted. */
export interface Way {
  tree: string;
  saved: SavedState;
  /** Identity of the shadow index that is this tree. */
  shadowIndex: string | null;
  /** Files of the target that come, that go, and all that differ. */
  changes: TreeChanges;
  /** Files that are there and captured. */
  captured: ReadonlySet<RawPath>;
  /** Files of the target. */
  files: RawPath[];
}

/** Finds the way; it may begin while the checkpoint of what is there is still being written. */
export class WayFinder {
  readonly #place: CheckpointPlace;
  readonly #target: Promise<LoadedCheckpoint>;
  #begun: { tree: string; changes: Promise<TreeChanges | null> } | null = null;

  constructor(place: CheckpointPlace, target: Promise<LoadedCheckpoint>) {
    this.#place = place;
    this.#target = target;
  }

  /** `tree`: of what is there, stored just now. */
  begin(tree: string): void {
    // What fails here is asked again when it is needed, and fails there.
    const changes = this.#changesFrom(tree).catch(() => null);
    this.#begun = { tree, changes };
  }

  async find({ state, listing, shadowIndex }: Remembered): Promise<Way> {
    const { tree, saved } = state;
    const early = this.#begun?.tree === tree ? await this.#begun.changes : null;
    const changes = early ?? (await this.#changesFrom(tree));
    const gone = new Set(changes.removed);
    const captured = new Set(parseListing(listing).files);
    const files = [...[...captured].filter((file) => !gone.has(file)), ...changes.added];
    return { tree, saved, shadowIndex, changes, captured, files };
  }

  async #changesFrom(tree: string): Promise<TreeChanges> {
    return treeChanges(this.#place, tree, (await this.#target).checkpoint.tree);
  }
}
