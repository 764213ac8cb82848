import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import { isGitError } from '../git/errors.ts';
import { gitText } from '../git/git.ts';
import { LIST_FORMAT, importStream, parseList, refPrefix } from './record.ts';
import type { NewRecord } from './record.ts';
import type { Checkpoint, CheckpointPlace } from './types.ts';

/** Every checkpoint of the agent, oldest first. One process. */
export async function listCheckpoints(place: CheckpointPlace): Promise<Checkpoint[]> {
  return forEachRef(place, [refPrefix(place.agent)]);
}

/** The newest, by number; sorting by name reads no object. One process. */
export async function newestCheckpoint(place: CheckpointPlace): Promise<Checkpoint | null> {
  const list = await forEachRef(place, ['--sort=-version:refname', '--count=1', refPrefix(place.agent)]);
  return list[0] ?? null;
}

/** Error: `unknown-checkpoint`. */
export async function findCheckpoint(place: CheckpointPlace, n: number): Promise<Checkpoint> {
  const found = (await forEachRef(place, [`${refPrefix(place.agent)}${n}`])).find((checkpoint) => checkpoint.n === n);
  if (found !== undefined) return found;
  throw new SwarmError('unknown-checkpoint', `${place.agent} has no checkpoint ${n}`, {
    hint: `See \`swarm checkpoint ls ${place.agent}\`.`,
    exitCode: 2,
  });
}

/** The common directory serves: the worktree itself may be broken or gone. */
async function forEachRef(place: CheckpointPlace, args: readonly string[]): Promise<Checkpoint[]> {
  const output = await gitText(['for-each-ref', `--format=${LIST_FORMAT}`, ...args], {
    cwd: place.gitCommonDir,
    env: { GIT_DIR: place.gitCommonDir },
  });
  return parseList(output, place.agent);
}

/** Largest number that is stored in a file of its own; null only says "ask git", because refs may be packed. */
export function newestLooseNumber(place: CheckpointPlace): number | null {
  try {
    const numbers = readdirSync(path.join(place.gitCommonDir, refPrefix(place.agent))).filter((name) =>
      /^\d+$/.test(name),
    );
    return numbers.length === 0 ? null : Math.max(...numbers.map(Number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes a checkpoint; null when its number was taken meanwhile by another process. */
export async function writeCheckpoint(place: CheckpointPlace, record: NewRecord): Promise<string | null> {
  try {
    const commit = await gitText(['fast-import', '--quiet', '--done', '--date-format=raw'], {
      cwd: place.gitCommonDir,
      env: { GIT_DIR: place.gitCommonDir },
      input: importStream(record),
    });
    return commit.trim();
  } catch (error) {
    if (isGitError(error, 'ref-changed', 'not-fast-forward', 'ref-locked')) return null;
    throw error;
  }
}
