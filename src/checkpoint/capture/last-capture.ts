import type { Gathered, LastCapture, Seen } from './capture-types.ts';
import { blobId } from '../tree/git-state.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import { namesToKeep } from '../tree/observe.ts';
import { digestOperations } from '../refs/checkpoint-commit.ts';

/**
 * What the next capture needs of this one. The bytes are in the checkpoint; only what is compared later is kept in
 * memory.
 */
export function remember(seen: Seen, gathered: Gathered, mark: string, n: number, commit: string): LastCapture {
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
 * The last capture after a rollback, whose safety checkpoint it was: it is still the newest checkpoint. Shadow index
 * and files have changed, so that all files are looked at again.
 */
export function afterRollback(known: LastCapture): LastCapture {
  const { directories } = known.rules;
  return { ...known, shadowIndex: null, rules: { signature: null, directories, held: [] } };
}

/**
 * The commits and trees of an operation that the newest checkpoint keeps already; null when one was not found at the
 * time.
 */
export function keptAsBefore(
  known: LastCapture | null,
  operations: readonly OperationFile[],
): { commits: string[]; trees: string[] } | null {
  if (operations.length === 0) return { commits: [], trees: [] };
  if (known === null || digestOperations(operations) !== known.operationsDigest) return null;
  const { keepCommits: commits, keepTrees: trees } = known.state;
  const { commits: wanted, tree } = namesToKeep(operations);
  return commits.length === wanted.length && trees.length === (tree === undefined ? 0 : 1) ? { commits, trees } : null;
}
