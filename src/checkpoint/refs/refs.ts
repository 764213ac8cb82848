import { existsSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { isGitError } from '../../git/errors.ts';
import { gitText, runGit } from '../../git/git.ts';
import { whileLocked } from '../../git/lock.ts';
import { listDamaged } from './damaged.ts';
import { LIST_FORMAT, importStream, parseList, pinPrefix, refPrefix } from './checkpoint-commit.ts';
import type { NewCheckpoint } from './checkpoint-commit.ts';
import type { Checkpoint, CheckpointPlace } from '../tree/types.ts';

type Owner = Pick<CheckpointPlace, 'gitCommonDir' | 'agent'>;

/** Every checkpoint of the agent, oldest first. One process. */
export async function listCheckpoints(place: Owner): Promise<Checkpoint[]> {
  return readList(place.gitCommonDir, [refPrefix(place.agent), pinPrefix(place.agent)], place.agent);
}

/** Every checkpoint of every agent that ever was, by agent and number. One process. */
export async function listAllCheckpoints(gitCommonDir: string): Promise<Checkpoint[]> {
  return readList(gitCommonDir, ['refs/swarm/checkpoints/', 'refs/swarm/pins/'], null);
}

/** The newest checkpoint, by number; sorting by name reads no object. One process. */
export async function newestCheckpoint(place: CheckpointPlace): Promise<Checkpoint | null> {
  const args = ['--sort=-version:refname', '--count=1', refPrefix(place.agent)];
  return (await readList(place.gitCommonDir, args, place.agent))[0] ?? null;
}

/** Finds a checkpoint. Errors: `unknown-checkpoint`, with the nearest that there is; `damaged-checkpoint`. */
export async function findCheckpoint(place: Owner, n: number): Promise<Checkpoint> {
  const refs = [`${refPrefix(place.agent)}${n}`, `${pinPrefix(place.agent)}${n}`];
  const [found] = await readList(place.gitCommonDir, refs, place.agent);
  if (found?.damaged === true) throw damagedCheckpoint(found);
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

export function damagedCheckpoint({ n, agent, commit }: Pick<Checkpoint, 'n' | 'agent' | 'commit'>): SwarmError {
  return new SwarmError('damaged-checkpoint', `checkpoint ${n} of ${agent} cannot be read whole`, {
    hint: `Its files can still be seen: git show ${commit}. \`git fsck\` tells what is missing.`,
  });
}

/**
 * Reads checkpoints in one process, unless a commit cannot be read: then each is read by itself, and the unreadable one
 * is marked as damaged.
 */
export async function readList(
  gitCommonDir: string,
  args: readonly string[],
  agent: string | null,
): Promise<Checkpoint[]> {
  try {
    return parseList(await readRefs(gitCommonDir, LIST_FORMAT, args), agent);
  } catch (error) {
    if (!isGitError(error, 'corrupt-repository', 'git-failed', 'unknown-revision')) throw error;
    return listDamaged(gitCommonDir, await readRefs(gitCommonDir, '%(refname) %(objectname)', args), agent);
  }
}

/** Reads refs by the common directory: the worktree itself may be broken or gone. */
export async function readRefs(gitCommonDir: string, format: string, args: readonly string[]): Promise<string> {
  const env = { GIT_DIR: gitCommonDir };
  return gitText(['for-each-ref', `--format=${format}`, ...args], { cwd: gitCommonDir, env });
}

/**
 * Carries out commands in one transaction: all of them or none. Error: `ref-changed` when a ref does not have the value
 * that its command expects.
 */
export async function updateRefs(gitCommonDir: string, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  const env = { GIT_DIR: gitCommonDir };
  const input = `${commands.join('\n')}\n`;
  await whileLocked(() => runGit(['update-ref', '--stdin'], { cwd: gitCommonDir, env, input }));
}

/** True: there is a checkpoint of this number, and its ref is a file of its own. False proves nothing. */
export function isLoose(place: CheckpointPlace, n: number): boolean {
  return existsSync(path.join(place.gitCommonDir, `${refPrefix(place.agent)}${n}`));
}

/** Writes a checkpoint; null when another process has taken its number meanwhile. */
export async function writeCheckpoint(place: CheckpointPlace, record: NewCheckpoint): Promise<string | null> {
  try {
    const commit = await gitText(['fast-import', '--quiet', '--done', '--date-format=raw'], {
      cwd: place.gitCommonDir,
      env: { GIT_DIR: place.gitCommonDir },
      input: importStream(record),
    });
    return commit.trim();
  } catch (error) {
    if (isGitError(error, 'ref-changed', 'not-fast-forward', 'ref-locked', 'ref-name-taken')) return null;
    throw error;
  }
}
