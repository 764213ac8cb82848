import type { Gathered, LastCapture, Seen } from './capture-types.ts';
import { blobId } from '../tree/git-state.ts';
import type { OperationFile } from '../tree/git-state.ts';
import { namesToKeep } from '../tree/observe.ts';
import { digestOperations } from '../refs/checkpoint-commit.ts';

/** The bytes are in the checkpoint; only what later captures compare is kept in memory. */
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
 * What still holds after a rollback, of which this was the safety: what the newest checkpoint is. The shadow index and
 * the files are others now, so that all of them are looked at again.
 */
export function afterRollback(known: LastCapture): LastCapture {
  const { directories } = known.rules;
  return { ...known, shadowIndex: null, rules: { signature: null, directories, held: [] } };
}

/** The newest checkpoint keeps already what the same operation names; null when something was not found then. */
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
