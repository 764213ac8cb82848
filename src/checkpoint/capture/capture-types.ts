import type { RawPath } from '../../git/bytes.ts';
import type { Head } from '../../git/repository/repository.ts';
import type { EmptyScan } from '../tree/empty-dirs.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import type { IndexState } from '../tree/git-state.ts';
import type { KnownRules } from '../tree/ignore-rules.ts';
import type { Shadow } from '../tree/observe.ts';
import type { StateToSave } from '../refs/checkpoint-commit.ts';
import type { WorkIndex } from '../tree/shadow-index.ts';
import type { Listing } from '../tree/tree-extras.ts';
import type { CheckpointLimits, CheckpointPlace } from '../tree/types.ts';

/** The place and the limits that one capture works with. */
export interface CaptureContext {
  place: CheckpointPlace;
  gitDir: string;
  config: readonly string[];
  limits: CheckpointLimits;
  remembered: LastCapture | null;
  /** Files that git ignores and that must be captured all the same: a rollback is about to overwrite them. */
  alsoCapture: ReadonlySet<RawPath>;
  /** Called with the tree of the files, and their names, as soon as the tree is stored, before its checkpoint is. */
  onTree?: ((tree: string, listing: Buffer) => void) | undefined;
}

/** The worktree as a capture found it; the shadow index holds its files. */
export interface Seen {
  shadow: Shadow;
  work: WorkIndex;
  /** Git wrote the shadow index anew. */
  rewritten: boolean;
  touched: RawPath[];
  /** Null until the tree is written. */
  tree: string | null;
  leftOut: RawPath[];
  nestedStirred: boolean;
  /** Files that differ from what the shadow index held; null when git must count them. */
  changes: number | null;
  /** Signature of the ignore patterns, taken before the first look; null proves nothing. */
  rules: string | null;
  /** Time before the first look, ms since 1970. File times may lag behind the clock by a moment. */
  began: number;
  listingBytes: Buffer;
  listing: Listing;
  head: Head;
  /** See `Checkpoint`. */
  begunTask: string | null;
  signature: string;
  operations: OperationFile[];
  warnings: string[];
}

/** The state that a capture keeps beside the files. */
export interface Gathered {
  /** The shadow index was changed after `scanWorktree`, so that the tree was written again. */
  moved: boolean;
  state: StateToSave;
  index: IndexState;
  listing: Buffer;
  directories: RawPath[];
  scan: EmptyScan;
  rules: KnownRules;
  young: RawPath[];
  shadowIndex: string | null;
}

/** What the last capture of this process saw. It only spares work: without it every file is looked at. */
export interface LastCapture {
  n: number;
  commit: string;
  state: StateToSave;
  fingerprint: string;
  listing: Buffer;
  directories: RawPath[];
  head: Head;
  begunTask: string | null;
  indexSignature: string;
  index: IndexState;
  /** Identity of the shadow index with which all of this was read. */
  shadowIndex: string | null;
  /** Files whose next change git may not see. */
  young: RawPath[];
  operationsDigest: string;
  scan: EmptyScan;
  rules: KnownRules;
}
