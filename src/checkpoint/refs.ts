import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import { isGitError } from '../git/errors.ts';
import { gitText, runGit } from '../git/git.ts';
import { whileLocked } from '../git/lock.ts';
import { LIST_FORMAT, importStream, parseList, pinPrefix, refPrefix } from './record.ts';
import type { NewRecord } from './record.ts';
import type { Checkpoint, CheckpointPlace } from './types.ts';

type Owner = Pick<CheckpointPlace, 'gitCommonDir' | 'agent'>;

/** Every checkpoint of the agent, oldest first. One process. */
export async function listCheckpoints(place: Owner): Promise<Checkpoint[]> {
  return parseList(await readRefs(place.gitCommonDir, [refPrefix(place.agent), pinPrefix(place.agent)]), place.agent);
}

/** Every checkpoint of every agent that ever was, by agent and number. One process. */
export async function listAllCheckpoints(gitCommonDir: string): Promise<Checkpoint[]> {
  return parseList(await readRefs(gitCommonDir, ['refs/swarm/checkpoints/', 'refs/swarm/pins/']), null);
}

/** The newest, by number; sorting by name reads no object. One process. */
export async function newestCheckpoint(place: CheckpointPlace): Promise<Checkpoint | null> {
  const args = ['--sort=-version:refname', '--count=1', refPrefix(place.agent)];
  return parseList(await readRefs(place.gitCommonDir, args), place.agent)[0] ?? null;
}

/** Error: `unknown-checkpoint`, with the nearest that there is. */
export async function findCheckpoint(place: Owner, n: number): Promise<Checkpoint> {
  const refs = [`${refPrefix(place.agent)}${n}`, `${pinPrefix(place.agent)}${n}`];
  const [found] = parseList(await readRefs(place.gitCommonDir, refs), place.agent);
  if (found !== undefined) return found;
  throw unknownCheckpoint(place.agent, n, await listCheckpoints(place));
}

export function unknownCheckpoint(agent: string, n: number, known: readonly Pick<Checkpoint, 'n'>[]): SwarmError {
  const near = known.map((entry) => entry.n).toSorted((a, b) => Math.abs(a - n) - Math.abs(b - n))[0];
  const hint =
    near === undefined
      ? `It has none yet: \`swarm checkpoint ${agent}\` takes one.`
      : `Did you mean ${near}? \`swarm checkpoint ls ${agent}\` shows all.`;
  return new SwarmError('unknown-checkpoint', `${agent} has no checkpoint ${n}`, { hint, exitCode: 2 });
}

/** The common directory serves: the worktree itself may be broken or gone. */
async function readRefs(gitCommonDir: string, args: readonly string[]): Promise<string> {
  const env = { GIT_DIR: gitCommonDir };
  return gitText(['for-each-ref', `--format=${LIST_FORMAT}`, ...args], { cwd: gitCommonDir, env });
}

/** One transaction: all of them or none. Error: `ref-changed` when one is not what it was thought to be. */
export async function updateRefs(gitCommonDir: string, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  const env = { GIT_DIR: gitCommonDir };
  const input = `${commands.join('\n')}\n`;
  await whileLocked(() => runGit(['update-ref', '--stdin'], { cwd: gitCommonDir, env, input }));
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
