import type { RawPath } from '../git/bytes.ts';
import type { Head } from '../git/repository.ts';
import { readBegunTask } from '../git/worktree-task.ts';
import { indexSignature, readOperationFiles } from './git-state.ts';
import type { OperationFile } from './git-state.ts';
import { isNotText, readHeadFast } from './head.ts';
import { rulesSignature } from './ignore-rules.ts';
import type { Shadow } from './observe.ts';
import type { Remembered } from './remembered.ts';
import { scan } from './scan.ts';
import type { WorkIndex } from './shadow-index.ts';
import type { Listing } from './tree-extras.ts';
import type { CheckpointLimits, CheckpointPlace } from './types.ts';

export interface CaptureContext {
  place: CheckpointPlace;
  gitDir: string;
  config: readonly string[];
  limits: CheckpointLimits;
  remembered: Remembered | null;
  /** Files that git ignores and that must be captured all the same: a rollback is about to overwrite them. */
  alsoCapture: ReadonlySet<RawPath>;
  /** Is told the tree of the files, and their names, as soon as it is stored, before its checkpoint is. */
  onTree?: ((tree: string, listing: Buffer) => void) | undefined;
}

/** The worktree as a capture found it; the shadow index holds its files. */
export interface Seen {
  shadow: Shadow;
  work: WorkIndex;
  /** Git wrote the shadow index anew. */
  rewritten: boolean;
  touched: RawPath[];
  /** Once it has been written. */
  tree: string | null;
  leftOut: RawPath[];
  nestedStirred: boolean;
  /** Files that differ from what the shadow index held; null when git must count them. */
  changes: number | null;
  /** Of the ignore patterns, before the first look; null proves nothing. */
  rules: string | null;
  /** Before the first look, ms since 1970; clocks of files run a moment late. */
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

const CLOCK_LAG_MS = 50;

export async function look(context: CaptureContext, work: WorkIndex, signal: AbortSignal | undefined): Promise<Seen> {
  const { place, gitDir, config, limits } = context;
  const shadow: Shadow = { place, index: work.path, config, signal };
  const began = Date.now() - CLOCK_LAG_MS;
  const before = await readBegunTask(gitDir);
  const known = context.remembered?.rules.directories;
  const rules = known === undefined ? null : await rulesSignature(place, gitDir, config, known, began);
  const { listing, listingBytes, touched, leftOut, nestedStirred, changes, warnings } = await scan(shadow, limits);
  const [head, after, signature, operations, rewritten] = await Promise.all([
    readHeadFast(place.worktree, gitDir, place.gitCommonDir),
    readBegunTask(gitDir),
    indexSignature(gitDir),
    readOperationFiles(gitDir),
    work.touched(),
  ]);
  if (head.branch !== null && isNotText(head.branch))
    warnings.push(`a rollback detaches HEAD, the name of the branch is not UTF-8: ${head.branch}`);
  return {
    shadow,
    work,
    began,
    rewritten,
    tree: null,
    touched,
    leftOut,
    nestedStirred,
    changes,
    rules,
    listingBytes,
    listing,
    head,
    // A worktree that went over to a task meanwhile may still have been seen with files of the one before.
    begunTask: after?.task === before?.task ? (after?.task ?? null) : null,
    signature,
    operations,
    warnings,
  };
}
