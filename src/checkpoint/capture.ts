import { rm } from 'node:fs/promises';
import { SwarmError } from '../domain/errors.ts';
import type { RawPath } from '../git/bytes.ts';
import type { Head } from '../git/repository.ts';
import { afterCollection, collectionMark, isCollected } from './collection.ts';
import { scanStillHolds } from './empty-dirs.ts';
import type { EmptyScan } from './empty-dirs.ts';
import { blobId, indexSignature, indexTimeOf, readIndexState, readOperationFiles } from './git-state.ts';
import type { IndexState, OperationFile } from './git-state.ts';
import { readHeadFast } from './head.ts';
import {
  changedFiles,
  keptObjects,
  matchTrackedIgnored,
  readEmptyDirs,
  readHeldIgnored,
  readListing,
  writeTree,
} from './observe.ts';
import type { Shadow } from './observe.ts';
import { digestOperations, fingerprint } from './record.ts';
import type { NewRecord, SavedState, StateToSave } from './record.ts';
import { newestCheckpoint, newestLooseNumber, writeCheckpoint } from './refs.ts';
import { scan } from './scan.ts';
import { indexPath } from './shadow.ts';
import { openWorkIndex } from './shadow-index.ts';
import type { WorkIndex } from './shadow-index.ts';
import { baseModes, byPath, parentsOf, readModes } from './tree-extras.ts';
import type { BaseModes, Listing, SeenModes } from './tree-extras.ts';
import type { Captured, CaptureRequest, CheckpointLimits, CheckpointPlace } from './types.ts';

/** What the last capture of this process saw. It only ever saves work: without it everything is looked at. */
export interface Remembered {
  n: number;
  commit: string;
  state: StateToSave;
  fingerprint: string;
  listing: Buffer;
  directories: RawPath[];
  head: Head;
  indexSignature: string;
  index: IndexState;
  /** Identity of the shadow index that all of this was read with. */
  shadowIndex: string | null;
  /** Files whose next change git may not see. */
  young: RawPath[];
  operationsDigest: string;
  scan: EmptyScan;
}

export interface CaptureContext {
  place: CheckpointPlace;
  gitDir: string;
  config: readonly string[];
  limits: CheckpointLimits;
  remembered: Remembered | null;
  /** Files that git ignores and that must be captured all the same: a rollback is about to overwrite them. */
  alsoCapture: ReadonlySet<RawPath>;
}

type Result = { captured: Captured; remembered: Remembered };

/**
 * Captures the worktree; the newest checkpoint again when nothing changed since (two processes then). A collection
 * (`git gc --prune=now`) that takes away what no ref names yet is noticed, and everything is stored anew.
 */
export async function capture(context: CaptureContext, request: CaptureRequest): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await captureOnce(tries === 1 ? context : { ...context, remembered: null }, request);
    } catch (error) {
      if (tries === MOST_COLLECTIONS || !isCollected(error)) throw error;
      // It says what is stored, and is no longer right.
      await rm(indexPath(context.place), { force: true });
    }
  }
}

const MOST_COLLECTIONS = 3;
const CLOCK_LAG_MS = 50;

async function captureOnce(context: CaptureContext, request: CaptureRequest): Promise<Result> {
  const before = collectionMark(context.place);
  const work = await openWorkIndex(indexPath(context.place));
  try {
    const seen = await look(context, work, request.signal);
    const known = context.remembered;
    if (
      known !== null &&
      request.force !== true &&
      context.alsoCapture.size === 0 &&
      (await nothingChanged(context.place, seen, known))
    ) {
      await work.keep();
      const { n, commit, state } = known;
      return { captured: { n, commit, tree: state.tree, created: false, warnings: seen.warnings }, remembered: known };
    }
    const result = await record(context, seen, request);
    await afterCollection(context.place, before, result.captured.commit);
    await work.keep();
    return result;
  } finally {
    await work.discard();
  }
}

/** Only the files, as a tree that no ref names. */
export async function readTree(context: CaptureContext): Promise<string> {
  const work = await openWorkIndex(indexPath(context.place));
  try {
    return (await gather(context, await look(context, work, undefined))).state.tree;
  } finally {
    await work.discard();
  }
}

interface Seen {
  shadow: Shadow;
  work: WorkIndex;
  /** Git wrote the shadow index anew. */
  rewritten: boolean;
  touched: RawPath[];
  /** Once it has been written. */
  tree: string | null;
  leftOut: RawPath[];
  /** Before the first look, ms since 1970; clocks of files run a moment late. */
  began: number;
  listingBytes: Buffer;
  listing: Listing;
  head: Head;
  signature: string;
  operations: OperationFile[];
  warnings: string[];
}

async function look(context: CaptureContext, work: WorkIndex, signal: AbortSignal | undefined): Promise<Seen> {
  const { place, gitDir, config, limits } = context;
  const shadow: Shadow = { place, index: work.path, config, signal };
  const began = Date.now() - CLOCK_LAG_MS;
  const { listing, listingBytes, touched, leftOut, warnings } = await scan(shadow, limits);
  const [head, signature, operations, rewritten] = await Promise.all([
    readHeadFast(place.worktree, gitDir, place.gitCommonDir),
    indexSignature(gitDir),
    readOperationFiles(gitDir),
    work.touched(),
  ]);
  return {
    shadow,
    work,
    began,
    rewritten,
    tree: null,
    touched,
    leftOut,
    listingBytes,
    listing,
    head,
    signature,
    operations,
    warnings,
  };
}

async function nothingChanged(place: CheckpointPlace, seen: Seen, known: Remembered): Promise<boolean> {
  if (seen.signature !== known.indexSignature || !seen.listingBytes.equals(known.listing)) return false;
  if (seen.head.commit !== known.head.commit || seen.head.branch !== known.head.branch) return false;
  if (digestOperations(seen.operations) !== known.operationsDigest) return false;
  if (!scanStillHolds(place.worktree, known.scan)) return false;
  if (!(await modesStillHold(seen, known))) return false;
  // Git also writes its index anew for files as young as the index itself, and for those written with the same text.
  if (seen.rewritten) {
    seen.tree = await writeTree(seen.shadow);
    if (seen.tree !== known.state.tree) return false;
  }
  return newestLooseNumber(place) === known.n || (await newestCheckpoint(place))?.n === known.n;
}

/** A directory's mode leaves no trace in the index file, a file's does unless it is too young. */
async function modesStillHold(seen: Seen, known: Remembered): Promise<boolean> {
  const { modes, base } = known.state.saved;
  const files = seen.work.identity === known.shadowIndex ? [...known.young, ...seen.touched] : seen.listing.files;
  const asked = new Set([...known.directories, ...files]);
  const was = modes.filter(([raw]) => asked.has(raw));
  const { odd } = await readModes(seen.shadow.place.worktree, [...asked], base, seen.began);
  return JSON.stringify(was) === JSON.stringify(odd);
}

/** Of files that git finds untouched since this very index was written, what was known of their modes still holds. */
async function modesNow(
  { shadow, work, touched, began }: Seen,
  known: Remembered | null,
  { files, directories, base }: { files: readonly RawPath[]; directories: readonly RawPath[]; base: BaseModes },
): Promise<SeenModes> {
  const { worktree } = shadow.place;
  if (known === null || work.identity !== known.shadowIndex)
    return readModes(worktree, [...directories, ...files], base, began);
  const listed = new Set(files);
  const asked = new Set([...directories, ...touched, ...known.young.filter((file) => listed.has(file))]);
  const asBefore = known.state.saved.modes.filter(([raw]) => listed.has(raw) && !asked.has(raw));
  const { odd, young } = await readModes(worktree, [...asked], base, began);
  return { odd: [...asBefore, ...odd].sort(byPath), young };
}

async function record(
  context: CaptureContext,
  seen: Seen,
  request: CaptureRequest,
): Promise<{ captured: Captured; remembered: Remembered }> {
  const { place } = context;
  const { warnings } = seen;
  const [gathered, newest] = await Promise.all([gather(context, seen), newestOf(place, context.remembered)]);
  const { state } = gathered;
  const { tree } = state;
  const mark = fingerprint(state);
  if (request.force !== true && newest !== null && newest.state === mark && newest.tree === tree) {
    const { n, commit } = newest;
    return {
      captured: { n, commit, tree, created: false, warnings },
      remembered: remember(seen, gathered, mark, n, commit),
    };
  }
  const files = (await changedFiles(place, newest?.commit ?? state.saved.head, tree)).length;
  const { n, commit } = await writeNext(place, { request, state, fingerprint: mark, files, warnings }, newest?.n ?? 0);
  return {
    captured: { n, commit, tree, created: true, warnings },
    remembered: remember(seen, gathered, mark, n, commit),
  };
}

interface Gathered {
  state: StateToSave;
  index: IndexState;
  listing: Buffer;
  directories: RawPath[];
  scan: EmptyScan;
  young: RawPath[];
  shadowIndex: string | null;
}

/** Everything that a rollback will need, beside the files that `look` has stored. */
async function gather(context: CaptureContext, seen: Seen): Promise<Gathered> {
  const { place, gitDir, remembered: known } = context;
  const { head, shadow, operations } = seen;
  const sameIndex = known !== null && known.indexSignature === seen.signature && known.head.commit === head.commit;
  // Most of the time nothing has to be moved, and what is read meanwhile is right.
  const [index, held, early, firstEmpty, kept] = await Promise.all([
    readIndexState(place.worktree, gitDir, head, sameIndex ? known.index : null),
    readHeldIgnored(shadow),
    seen.tree ?? writeTree(shadow),
    readEmptyDirs(shadow, seen.listing),
    operations.length === 0 ? { commits: [], trees: [] } : keptObjects(place, operations),
  ]);
  const moved = await matchTrackedIgnored(shadow, index, context.alsoCapture, held);
  const { listing, bytes } = moved ? await readListing(shadow) : { listing: seen.listing, bytes: seen.listingBytes };
  const tree = moved ? await writeTree(shadow) : early;
  const empty = moved ? await readEmptyDirs(shadow, listing) : firstEmpty;
  const base = baseModes(process.umask());
  const directories = [...parentsOf(listing.files), ...empty.empty];
  const modes = await modesNow(seen, moved ? null : known, { files: listing.files, directories, base });
  const saved: SavedState = {
    v: 1,
    head: head.commit,
    branch: head.branch,
    base,
    modes: modes.odd,
    emptyDirs: empty.empty,
    operations: operations.map(({ name }) => name),
    hasIndex: index.bytes !== null || index.blob !== null,
    indexTime: indexTimeOf(seen.signature),
    ...leftOutOf(seen, listing),
  };
  const state: StateToSave = {
    tree,
    saved,
    index: index.bytes,
    indexBlob: index.blob,
    indexDigest: index.digest,
    operations,
    stagedBlobs: index.stagedBlobs,
    keepCommits: kept.commits,
    keepTrees: kept.trees,
  };
  return {
    state,
    index,
    listing: bytes,
    directories,
    scan: empty,
    young: modes.young,
    shadowIndex: await seen.work.now(),
  };
}

/** What must be captured all the same was taken in after the scan. */
function leftOutOf({ leftOut }: Seen, { files }: Listing): Pick<SavedState, 'leftOut'> {
  if (leftOut.length === 0) return {};
  const held = new Set(files);
  const left = leftOut.filter((file) => !held.has(file));
  return left.length === 0 ? {} : { leftOut: left };
}

/** The bytes are in the checkpoint; only what later captures compare is kept in memory. */
function remember(seen: Seen, gathered: Gathered, mark: string, n: number, commit: string): Remembered {
  const { state, index, listing, directories, scan } = gathered;
  return {
    n,
    commit,
    state: { ...state, index: null, operations: [] },
    shadowIndex: gathered.shadowIndex,
    young: gathered.young,
    fingerprint: mark,
    listing,
    directories,
    head: seen.head,
    indexSignature: seen.signature,
    index: { ...index, bytes: null, blob: index.bytes === null ? index.blob : blobId(index.bytes, commit) },
    operationsDigest: digestOperations(seen.operations),
    scan,
  };
}

/** What the next checkpoint is compared with. The refs are asked unless ours is plainly still the newest. */
async function newestOf(
  place: CheckpointPlace,
  known: Remembered | null,
): Promise<{ n: number; commit: string; tree: string; state: string } | null> {
  if (known === null || newestLooseNumber(place) !== known.n) return newestCheckpoint(place);
  return { n: known.n, commit: known.commit, tree: known.state.tree, state: known.fingerprint };
}

const MOST_TRIES = 20;

async function writeNext(
  place: CheckpointPlace,
  record: Omit<NewRecord, 'place' | 'n' | 'at'>,
  newest: number,
): Promise<{ n: number; commit: string }> {
  let n = newest + 1;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const at = Math.floor(Date.now() / 1000);
    const commit = await writeCheckpoint(place, { ...record, place, n, at });
    if (commit !== null) return { n, commit };
    n = ((await newestCheckpoint(place))?.n ?? n) + 1;
  }
  throw new SwarmError('checkpoint-busy', `no free checkpoint number for ${place.agent} after ${MOST_TRIES} tries`, {
    hint: 'Something else writes checkpoints of this agent all the time; try again.',
    retrySafe: true,
  });
}
