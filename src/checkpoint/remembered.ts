import type { RawPath } from '../git/bytes.ts';
import type { Head } from '../git/repository.ts';
import type { EmptyScan } from './empty-dirs.ts';
import type { Gathered } from './gather.ts';
import { blobId } from './git-state.ts';
import type { IndexState, OperationFile } from './git-state.ts';
import type { KnownRules } from './ignore-rules.ts';
import type { Seen } from './look.ts';
import { namesToKeep } from './observe.ts';
import { digestOperations } from './record.ts';
import type { StateToSave } from './record.ts';

/** What the last capture of this process saw. It only ever saves work: without it everything is looked at. */
export interface Remembered {
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
  /** Identity of the shadow index that all of this was read with. */
  shadowIndex: string | null;
  /** Files whose next change git may not see. */
  young: RawPath[];
  operationsDigest: string;
  scan: EmptyScan;
  rules: KnownRules;
}

/** The bytes are in the checkpoint; only what later captures compare is kept in memory. */
export function remember(seen: Seen, gathered: Gathered, mark: string, n: number, commit: string): Remembered {
  const { state, index, listing, directories, scan, rules } = gathered;
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
    begunTask: seen.begunTask,
    indexSignature: seen.signature,
    index: { ...index, bytes: null, blob: index.bytes === null ? index.blob : blobId(index.bytes, commit) },
    operationsDigest: digestOperations(seen.operations),
    scan,
    rules,
  };
}

/**
 * What still holds after a rollback, of which this was the safety: what the newest checkpoint is. The shadow index and
 * the files are others now, so that all of them are looked at again.
 */
export function afterRollback(known: Remembered): Remembered {
  const { directories } = known.rules;
  return { ...known, shadowIndex: null, rules: { signature: null, directories, held: [] } };
}

/** The newest checkpoint keeps already what the same operation names; null when something was not found then. */
export function keptAsBefore(
  known: Remembered | null,
  operations: readonly OperationFile[],
): { commits: string[]; trees: string[] } | null {
  if (operations.length === 0) return { commits: [], trees: [] };
  if (known === null || digestOperations(operations) !== known.operationsDigest) return null;
  const { keepCommits: commits, keepTrees: trees } = known.state;
  const { commits: wanted, tree } = namesToKeep(operations);
  return commits.length === wanted.length && trees.length === (tree === undefined ? 0 : 1) ? { commits, trees } : null;
}
