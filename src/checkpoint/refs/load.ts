import { parseBatch } from '../../git/batch.ts';
import type { GitObject } from '../../git/batch.ts';
import { isGitError } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import { refPrefix } from './checkpoint-commit.ts';
import type { SavedState } from './checkpoint-commit.ts';
import { damagedCheckpoint, findCheckpoint } from './refs.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import type { Checkpoint, CheckpointPlace } from '../tree/types.ts';

export interface LoadedCheckpoint {
  checkpoint: Pick<Checkpoint, 'n' | 'agent' | 'commit' | 'tree' | 'meta'>;
  saved: SavedState;
  index: Buffer | null;
  operations: OperationFile[];
}

/**
 * Loads checkpoint `n` with everything that it holds beside its tree, most often in one process. Errors:
 * `unknown-checkpoint`, `damaged-checkpoint`.
 */
export async function loadNumber(place: CheckpointPlace, n: number): Promise<LoadedCheckpoint> {
  return (await loadAtOnce(place, n)) ?? loadCheckpoint(place, await findCheckpoint(place, n));
}

const USUAL_OPERATIONS = 16;

/** Null when it needs a closer look: no such checkpoint, none with two parents, many operation files, damage. */
async function loadAtOnce(place: CheckpointPlace, n: number): Promise<LoadedCheckpoint | null> {
  const ref = `${refPrefix(place.agent)}${n}`;
  const meta = `${ref}^2`;
  const names = Array.from({ length: USUAL_OPERATIONS }, (_, at) => `${meta}:operation/${at}`);
  const asked = [ref, meta, `${meta}:state.json`, `${meta}:index`, ...names];
  const found = await readObjects(place, asked).catch((error: unknown) => {
    if (!isGitError(error)) throw error;
    return [];
  });
  const [commit, parent, state, index, ...contents] = found;
  const tree = /^tree ([0-9a-f]+)\n/.exec(commit?.bytes.toString('latin1', 0, 100) ?? '')?.[1];
  if (!commit || !parent || !state || tree === undefined) return null;
  const saved = JSON.parse(state.bytes.toString('utf8')) as SavedState;
  const operations = saved.operations.flatMap((name, at) => {
    const content = contents[at]?.bytes;
    return content === undefined ? [] : [{ name, content }];
  });
  if (operations.length !== saved.operations.length || (saved.hasIndex && !index)) return null;
  const checkpoint = { n, agent: place.agent, commit: commit.oid, tree, meta: parent.oid };
  return { checkpoint, saved, index: saved.hasIndex ? (index?.bytes ?? null) : null, operations };
}

/** Reads everything that a checkpoint holds beside its tree. Error: `damaged-checkpoint`. */
export async function loadCheckpoint(
  place: CheckpointPlace,
  checkpoint: LoadedCheckpoint['checkpoint'],
): Promise<LoadedCheckpoint> {
  const [stateBytes, index] = await readBlobs(place, [`${checkpoint.meta}:state.json`, `${checkpoint.meta}:index`]);
  const saved =
    stateBytes === undefined || stateBytes === null ? null : (JSON.parse(stateBytes.toString('utf8')) as SavedState);
  if (saved?.v !== 1 || (saved.hasIndex && (index === undefined || index === null)))
    throw damagedCheckpoint(checkpoint);
  const contents = await readBlobs(
    place,
    saved.operations.map((_, at) => `${checkpoint.meta}:operation/${at}`),
  );
  const operations = saved.operations.map((name, at) => {
    const content = contents[at];
    if (content === undefined || content === null) throw damagedCheckpoint(checkpoint);
    return { name, content };
  });
  return { checkpoint, saved, index: saved.hasIndex ? (index ?? null) : null, operations };
}

async function readBlobs(place: CheckpointPlace, names: readonly string[]): Promise<(Buffer | null)[]> {
  return (await readObjects(place, names)).map((found) => found?.bytes ?? null);
}

async function readObjects(place: CheckpointPlace, names: readonly string[]): Promise<(GitObject | null)[]> {
  if (names.length === 0) return [];
  const { stdout } = await runGit(['cat-file', '--batch'], {
    cwd: place.gitCommonDir,
    env: { GIT_DIR: place.gitCommonDir },
    input: `${names.join('\n')}\n`,
  });
  return parseBatch(stdout, names.length);
}
