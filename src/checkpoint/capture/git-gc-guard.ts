import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { isGitError } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { KeyedMutex } from '../../lib/mutex.ts';
import { readGcPid } from './gc-pid.ts';
import type { Collecting } from './gc-pid.ts';
import type { CheckpointPlace } from '../tree/types.ts';

/**
 * The state of git's collection before or after a capture. A collection keeps objects that refs and git's own indexes
 * name. Between the moment that a capture stores a file and the moment that its ref exists, nothing names the object:
 * `gc --prune=now` may remove it. Looking for traces of a collection costs nothing; where there is one, every object of
 * the new checkpoint is checked.
 */
export interface CollectionMark {
  collecting: Collecting;
  /**
   * Names of the packs, since a collection adds or removes some, and the last purge by swarm. The directory's time
   * would also change with every commit.
   */
  traces: string;
}

const RUNNING_STEP_MS = 50;
/**
 * Turn ends, rollbacks and removals wait with the capture. A collection that can harm it listed its objects before the
 * ref existed, and removes them right after that list: within less than a minute.
 */
const RUNNING_MOST_MS = 60_000;

/** Exists while swarm's own purge runs. */
const purging = (shadowGit: string): string => path.join(shadowGit, 'purge.pid');
/** Written at the end of each purge. */
const purged = (shadowGit: string): string => path.join(shadowGit, 'purged');

/** One purge at a time in this process, by shadow.git. */
const purges = new KeyedMutex();

/**
 * Runs a purge and announces it to captures: it may remove what they have just stored, so they wait for its end and
 * check.
 */
export function announced<T>(place: Pick<CheckpointPlace, 'shadowGit'>, purge: () => Promise<T>): Promise<T> {
  const { shadowGit } = place;
  return purges.run(shadowGit, async () => {
    // Without shadow.git no capture was ever made here.
    if (!existsSync(shadowGit)) return await purge();
    writeFileSync(purging(shadowGit), `${process.pid} ${os.hostname()}\n`);
    try {
      return await purge();
    } finally {
      writeFileSync(purged(shadowGit), randomUUID());
      rmSync(purging(shadowGit), { force: true });
    }
  });
}

/** Whether a collection of git or a purge of swarm runs. */
function collecting({ gitCommonDir, shadowGit }: CheckpointPlace): Collecting {
  const own = readGcPid(purging(shadowGit));
  return own === 'no' ? readGcPid(path.join(gitCommonDir, 'gc.pid')) : own;
}

export function collectionMark(place: CheckpointPlace): CollectionMark {
  const { gitCommonDir, shadowGit } = place;
  const folder = path.join(gitCommonDir, 'objects', 'pack');
  const packs = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pack')) : [];
  const last = purged(shadowGit);
  const stamp = existsSync(last) ? readFileSync(last, 'utf8') : '';
  return { collecting: collecting(place), traces: [...packs.sort(), stamp].join() };
}

/**
 * Checks the new checkpoint after a possible collection. Error `checkpoint-collected` when its commit is not whole:
 * then it is no checkpoint, and its ref is removed.
 */
export async function afterCollection(place: CheckpointPlace, before: CollectionMark, commit: string): Promise<void> {
  const now = collectionMark(place);
  if (before.collecting === 'no' && now.collecting === 'no' && before.traces === now.traces) return;
  // A collection that still runs may have listed its objects before the ref existed.
  const until = performance.now() + RUNNING_MOST_MS;
  while (collecting(place) === 'running' && performance.now() < until) await sleep(systemClock, RUNNING_STEP_MS);
  if (await isWhole(place, commit)) return;
  const cwd = place.gitCommonDir;
  const env = { GIT_DIR: cwd };
  const { stdout } = await runGit(['for-each-ref', '--format=%(refname)', `--points-at=${commit}`, 'refs/swarm/'], {
    cwd,
    env,
    okCodes: [128],
  });
  const refs = stdout.toString('utf8').split('\n');
  for (const ref of refs) if (ref !== '') await runGit(['update-ref', '-d', ref, commit], { cwd, env });
  throw new SwarmError('checkpoint-collected', `git collected what a checkpoint of ${place.agent} had just stored`, {
    hint: 'It is taken again; wait until `git gc` has ended.',
    retrySafe: true,
  });
}

/** Whether every object that the commit reaches, beyond its parents' history, exists. */
async function isWhole({ gitCommonDir }: CheckpointPlace, commit: string): Promise<boolean> {
  const options = { cwd: gitCommonDir, env: { GIT_DIR: gitCommonDir }, okCodes: [1, 128] };
  const { exitCode } = await runGit(['rev-list', '--objects', '--quiet', '--no-walk', commit, `${commit}^@`], options);
  return exitCode === 0;
}

/** Whether git's error means that an object is gone which its index takes for stored. */
export function isCollected(error: unknown): boolean {
  if (error instanceof SwarmError && error.code === 'checkpoint-collected') return true;
  return (
    isGitError(error, 'corrupt-repository', 'git-failed', 'unknown-revision') &&
    /invalid object|missing|not found|bad object|unable to read|not a (valid )?(tree|commit)|does not exist/i.test(
      error.stderr,
    )
  );
}
