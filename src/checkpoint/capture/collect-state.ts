import type { CaptureContext, Gathered, LastCapture, Seen } from './capture-types.ts';
import type { RawPath } from '../../git/bytes.ts';
import { indexTimeOf, readIndexState } from '../tree/git-state.ts';
import { modesNow } from './modes.ts';
import {
  keptObjects,
  matchTrackedIgnored,
  readEmptyDirs,
  readHeldIgnored,
  readListing,
  writeTree,
} from '../tree/observe.ts';
import type { SavedState, StateToSave } from '../refs/checkpoint-commit.ts';
import { keptAsBefore } from './last-capture.ts';
import { baseModes, parentsOf } from '../tree/tree-extras.ts';
import type { Listing } from '../tree/tree-extras.ts';

/** Collects everything that a rollback needs beside the files, which `scanWorktree` has stored. */
export async function collectState(context: CaptureContext, seen: Seen): Promise<Gathered> {
  const { place, gitDir, remembered: known } = context;
  const { head, begunTask, shadow, operations } = seen;
  const sameIndex = known !== null && known.indexSignature === seen.signature && known.head.commit === head.commit;
  const sameRules = seen.rules !== null && seen.rules === known?.rules.signature;
  // Most captures need no change of the shadow index by `matchTrackedIgnored`: then what is read beside it is right.
  const [index, held, early, firstEmpty, kept] = await Promise.all([
    readIndexState(place.worktree, gitDir, head, { known: sameIndex ? known.index : null, sameRules }),
    (sameRules ? stillHeld(seen, known) : null) ?? readHeldIgnored(shadow),
    seen.tree ?? writeTree(shadow),
    readEmptyDirs(shadow, seen.listing),
    keptAsBefore(known, operations) ?? keptObjects(place, operations),
  ]);
  const moved = await matchTrackedIgnored(shadow, index, context.alsoCapture, held);
  const { listing, bytes } = moved ? await readListing(shadow) : { listing: seen.listing, bytes: seen.listingBytes };
  const tree = moved ? await writeTree(shadow) : early;
  const empty = moved ? await readEmptyDirs(shadow, listing) : firstEmpty;
  const base = baseModes(process.umask());
  const parents = parentsOf(listing.files);
  const directories = [...new Set([...parents, ...parentsOf(empty.empty), ...empty.empty])];
  const modes = await modesNow(seen, moved ? null : known, { files: listing.files, directories, base });
  const saved: SavedState = {
    v: 1,
    head: head.commit,
    branch: head.branch,
    ...(begunTask === null ? {} : { begunTask }),
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
  const rules = { held, directories: new Set([...parents, ...(index.directories ?? [])]) };
  return {
    moved,
    rules: {
      ...rules,
      signature: moved || index.directories === null ? null : provedFor(rules.directories, seen, known),
    },
    state,
    index,
    listing: bytes,
    directories,
    scan: empty,
    young: modes.young,
    shadowIndex: await seen.work.now(),
  };
}

/**
 * The ignored files that the shadow index holds, from the last capture: under the same patterns git has just listed no
 * new file that is ignored, and no old file has changed sides. Null where another process changed the index, or a
 * repository inside the worktree changed.
 */
function stillHeld({ work, nestedStirred, listing }: Seen, known: LastCapture): RawPath[] | null {
  if (nestedStirred || work.identity !== known.shadowIndex) return null;
  if (known.rules.held.length === 0) return [];
  const listed = new Set(listing.files);
  return known.rules.held.filter((file) => listed.has(file));
}

/**
 * The signature of the ignore patterns; null where a directory is new, since its patterns were not read before git was
 * asked.
 */
function provedFor(directories: ReadonlySet<RawPath>, { rules }: Seen, known: LastCapture | null): string | null {
  return known !== null && [...directories].every((one) => known.rules.directories.has(one)) ? rules : null;
}

/** The files left out, without those in `alsoCapture`, which were added after the scan. */
function leftOutOf({ leftOut }: Seen, { files }: Listing): Pick<SavedState, 'leftOut'> {
  if (leftOut.length === 0) return {};
  const held = new Set(files);
  const left = leftOut.filter((file) => !held.has(file));
  return left.length === 0 ? {} : { leftOut: left };
}
