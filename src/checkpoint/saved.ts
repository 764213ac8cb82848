import { SwarmError } from '../domain/errors.ts';
import { runGit } from '../git/git.ts';
import type { SavedState } from './record.ts';
import type { OperationFile } from './git-state.ts';
import type { Checkpoint, CheckpointPlace } from './types.ts';

export interface LoadedCheckpoint {
  checkpoint: Checkpoint;
  saved: SavedState;
  index: Buffer | null;
  operations: OperationFile[];
}

/** Reads everything that a checkpoint holds beside its tree. Error: `damaged-checkpoint`. */
export async function loadCheckpoint(place: CheckpointPlace, checkpoint: Checkpoint): Promise<LoadedCheckpoint> {
  const [stateBytes, index] = await readBlobs(place, [`${checkpoint.meta}:state.json`, `${checkpoint.meta}:index`]);
  const saved =
    stateBytes === undefined || stateBytes === null ? null : (JSON.parse(stateBytes.toString('utf8')) as SavedState);
  if (saved?.v !== 1 || (saved.hasIndex && (index === undefined || index === null))) throw damaged(checkpoint);
  const contents = await readBlobs(
    place,
    saved.operations.map((_, at) => `${checkpoint.meta}:operation/${at}`),
  );
  const operations = saved.operations.map((name, at) => {
    const content = contents[at];
    if (content === undefined || content === null) throw damaged(checkpoint);
    return { name, content };
  });
  return { checkpoint, saved, index: saved.hasIndex ? (index ?? null) : null, operations };
}

function damaged(checkpoint: Checkpoint): SwarmError {
  return new SwarmError(
    'damaged-checkpoint',
    `checkpoint ${checkpoint.n} of ${checkpoint.agent} cannot be read whole`,
    {
      hint: `Its files can still be seen: git show ${checkpoint.commit}. \`git fsck\` tells what is missing.`,
    },
  );
}

async function readBlobs(place: CheckpointPlace, names: readonly string[]): Promise<(Buffer | null)[]> {
  if (names.length === 0) return [];
  const { stdout } = await runGit(['cat-file', '--batch'], {
    cwd: place.gitCommonDir,
    env: { GIT_DIR: place.gitCommonDir },
    input: `${names.join('\n')}\n`,
  });
  return parseBatch(stdout, names.length);
}

/** Output of `cat-file --batch`: `<oid> <type> <size>`, the bytes, a line break; or a line that ends in ` missing`. */
export function parseBatch(output: Buffer, count: number): (Buffer | null)[] {
  const list: (Buffer | null)[] = [];
  let at = 0;
  while (list.length < count && at < output.length) {
    const end = output.indexOf(10, at);
    const head = output.toString('latin1', at, end);
    at = end + 1;
    const size = /^[0-9a-f]+ \w+ (\d+)$/.exec(head)?.[1];
    if (size === undefined) {
      list.push(null);
      continue;
    }
    list.push(output.subarray(at, at + Number(size)));
    at += Number(size) + 1;
  }
  return list;
}
