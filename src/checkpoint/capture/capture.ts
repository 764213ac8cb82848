import type { CaptureContext, LastCapture, Seen } from './capture-types.ts';
import { rm } from 'node:fs/promises';
import { SwarmError } from '../../domain/errors.ts';
import { isGitError } from '../../git/errors.ts';
import { afterCollection, collectionMark, isCollected } from './git-gc-guard.ts';
import { scanStillHolds } from '../tree/empty-dirs.ts';
import { collectState } from './collect-state.ts';
import { scanWorktree } from './scan-worktree.ts';
import { modesStillHold } from './modes.ts';
import { highestDropped, newestLooseNumber } from '../refs/numbers.ts';
import { changedFiles, countStaged, hasComeBack, writeTree } from '../tree/observe.ts';
import { digestOperations, fingerprint } from '../refs/checkpoint-commit.ts';
import type { NewCheckpoint } from '../refs/checkpoint-commit.ts';
import { newestCheckpoint, writeCheckpoint } from '../refs/refs.ts';
import { remember } from './last-capture.ts';
import { indexPath } from '../tree/shadow.ts';
import { openWorkIndex } from '../tree/shadow-index.ts';
import type { Captured, CaptureRequest, Checkpoint, CheckpointPlace } from '../tree/types.ts';

export type CaptureResult = { captured: Captured; remembered: LastCapture };

/**
 * Captures the worktree; returns the newest checkpoint again when nothing has changed since (with two processes then).
 * A collection (`git gc --prune=now`) that removes objects which no ref names yet is noticed, and everything is stored
 * anew.
 */
export async function capture(context: CaptureContext, request: CaptureRequest): Promise<CaptureResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await captureOnce(tries === 1 ? context : { ...context, remembered: null }, request);
    } catch (error) {
      if (tries === MOST_COLLECTIONS || !isCollected(error)) throw error;
      // The shadow index says that files are stored, which is no longer true.
      await rm(indexPath(context.place), { force: true });
    }
  }
}

const MOST_COLLECTIONS = 3;

async function captureOnce(context: CaptureContext, request: CaptureRequest): Promise<CaptureResult> {
  const before = collectionMark(context.place);
  const work = await openWorkIndex(indexPath(context.place));
  try {
    const seen = await scanWorktree(context, work, request.signal);
    const known = context.remembered;
    const mayBeSame = known !== null && request.force !== true && context.alsoCapture.size === 0;
    const same = mayBeSame ? await nothingChanged(context.place, seen, known) : null;
    if (same !== null) {
      await work.keep();
      const { n, commit, state } = same;
      return { captured: { n, commit, tree: state.tree, created: false, warnings: seen.warnings }, remembered: same };
    }
    const result = await record(context, seen, request);
    await afterCollection(context.place, before, result.captured.commit);
    await work.keep();
    return result;
  } finally {
    await work.discard();
  }
}

/** Stores the files alone, as a tree that no ref names. */
export async function readTree(context: CaptureContext): Promise<string> {
  const work = await openWorkIndex(indexPath(context.place));
  try {
    return (await collectState(context, await scanWorktree(context, work, undefined))).state.tree;
  } finally {
    await work.discard();
  }
}

/** The last capture, brought up to date, when nothing has changed since; else null. */
async function nothingChanged(place: CheckpointPlace, seen: Seen, known: LastCapture): Promise<LastCapture | null> {
  // Changes compared with the index of the last capture surely give another tree, which is written beside other work.
  if (seen.changes !== null && seen.changes > 0 && isSameShadow(seen, known)) return null;
  if (seen.signature !== known.indexSignature || !seen.listingBytes.equals(known.listing)) return null;
  if (seen.head.commit !== known.head.commit || seen.head.branch !== known.head.branch) return null;
  if (seen.begunTask !== known.begunTask) return null;
  if (digestOperations(seen.operations) !== known.operationsDigest) return null;
  if (!scanStillHolds(place.worktree, known.scan)) return null;
  if (known.rules.signature !== null && known.rules.signature !== seen.rules) return null;
  if (hasComeBack(place.worktree, seen.listing, known.index)) return null;
  const young = await modesStillHold(seen, known);
  if (young === null) return null;
  // Git also writes its index anew for files as young as the index itself, and for those written with the same text.
  if (seen.rewritten) {
    seen.tree = await writeTree(seen.shadow);
    if (seen.tree !== known.state.tree) return null;
  }
  const newest = newestLooseNumber(place) === known.n || (await newestCheckpoint(place))?.n === known.n;
  return newest ? { ...known, young, shadowIndex: await seen.work.now() } : null;
}

async function record(context: CaptureContext, seen: Seen, request: CaptureRequest): Promise<CaptureResult> {
  const { place } = context;
  const { warnings } = seen;
  const inMemory = knownNewest(place, context.remembered);
  const [gathered, newest, dropped, counted] = await Promise.all([
    collectState(context, seen),
    inMemory ?? newestCheckpoint(place),
    inMemory === null ? highestDropped(place) : 0,
    inMemory === null ? null : unlessDamaged(countSince(seen, context.remembered, inMemory.commit)),
  ]);
  const { state } = gathered;
  const { tree } = state;
  context.onTree?.(tree, gathered.listing);
  const mark = fingerprint(state);
  if (request.force !== true && newest !== null && newest.state === mark && newest.tree === tree) {
    const { n, commit } = newest;
    return {
      captured: { n, commit, tree, created: false, warnings },
      remembered: remember(seen, gathered, mark, n, commit),
    };
  }
  const files = counted === null || gathered.moved ? await countFrom(place, newest, state.saved.head, tree) : counted;
  const last = Math.max(newest?.n ?? 0, dropped);
  const { n, commit } = await writeNext(place, { request, state, fingerprint: mark, files, warnings }, last);
  return {
    captured: { n, commit, tree, created: true, warnings },
    remembered: remember(seen, gathered, mark, n, commit),
  };
}

/**
 * How many files differ from `commit`, the newest checkpoint and made by this process. While the shadow index is the
 * one of that checkpoint, the scan has counted them.
 */
function countSince(seen: Seen, known: LastCapture | null, commit: string): number | Promise<number> {
  return (known !== null && isSameShadow(seen, known) ? seen.changes : null) ?? countStaged(seen.shadow, commit);
}

/** The shadow index is still the one from which this process wrote the newest checkpoint. */
function isSameShadow({ work }: Seen, known: LastCapture): boolean {
  return work.identity !== null && work.identity === known.shadowIndex;
}

/**
 * The work's result; null where an object of the checkpoint before is damaged, which must not prevent the next
 * checkpoint.
 */
async function unlessDamaged<T>(work: T | Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (!isGitError(error, 'corrupt-repository', 'git-failed', 'unknown-revision')) throw error;
    return null;
  }
}

async function countFrom(
  place: CheckpointPlace,
  newest: Pick<Checkpoint, 'commit' | 'damaged'> | null,
  head: string | null,
  tree: string,
): Promise<number> {
  const since = newest?.damaged === false ? await unlessDamaged(changedFiles(place, newest.commit, tree)) : null;
  return (since ?? (await unlessDamaged(changedFiles(place, head, tree))) ?? []).length;
}

/**
 * The checkpoint with which the next one is compared; null when the refs must be read, because the newest checkpoint
 * may be another process's.
 */
function knownNewest(
  place: CheckpointPlace,
  known: LastCapture | null,
): Pick<Checkpoint, 'n' | 'commit' | 'tree' | 'state' | 'damaged'> | null {
  if (known === null || newestLooseNumber(place) !== known.n) return null;
  return { n: known.n, commit: known.commit, tree: known.state.tree, state: known.fingerprint, damaged: false };
}

const MOST_TRIES = 20;

async function writeNext(
  place: CheckpointPlace,
  record: Omit<NewCheckpoint, 'place' | 'n' | 'at'>,
  last: number,
): Promise<{ n: number; commit: string }> {
  let n = last + 1;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const at = Math.floor(Date.now() / 1000);
    const commit = await writeCheckpoint(place, { ...record, place, n, at });
    if (commit !== null) return { n, commit };
    // The number is passed over: a ref that a killed git left locked makes it unusable for ever.
    n = Math.max((await newestCheckpoint(place))?.n ?? 0, n) + 1;
  }
  throw new SwarmError('checkpoint-busy', `no free checkpoint number for ${place.agent} after ${MOST_TRIES} tries`, {
    hint: 'Something else writes checkpoints of this agent all the time, or a killed git left a lock, which `swarm doctor` names.',
    retrySafe: true,
  });
}
