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
 * Git's collection keeps what refs and its own indexes name. Between the moment that a capture stores a file and the
 * moment that its ref stands, nothing does: `gc --prune=now` may take it away. Its traces are looked at, which costs
 * nothing; where there is one, the new checkpoint is walked.
 */
export interface CollectionMark {
  collecting: Collecting;
  /**
   * Names: a pack that comes or goes. The directory's time would also tell of every commit that is written. And which
   * purge of swarm's was the last.
   */
  traces: string;
}

const RUNNING_STEP_MS = 50;
/**
 * Turn ends, rollbacks and removals wait with it. What a collection may take was listed before our ref stood, and is
 * taken right after it was listed: not a minute later.
 */
const RUNNING_MOST_MS = 60_000;

/** Of swarm's own purge: it is there meanwhile. */
const purging = (shadowGit: string): string => path.join(shadowGit, 'purge.pid');
/** Written at the end of each purge. */
const purged = (shadowGit: string): string => path.join(shadowGit, 'purged');

/** By shadow.git; in this process. */
const purges = new KeyedMutex();

/** Captures are told of a purge, since it may take what they have just stored: they wait for it, and look. */
export function announced<T>(place: Pick<CheckpointPlace, 'shadowGit'>, purge: () => Promise<T>): Promise<T> {
  const { shadowGit } = place;
  return purges.run(shadowGit, async () => {
    // Without it nothing was ever captured from here.
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

/** One of git or of swarm. */
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

/** Error `checkpoint-collected` when the commit is not whole: then it is no checkpoint, and its ref is removed. */
export async function afterCollection(place: CheckpointPlace, before: CollectionMark, commit: string): Promise<void> {
  const now = collectionMark(place);
  if (before.collecting === 'no' && now.collecting === 'no' && before.traces === now.traces) return;
  // What is being collected now may have been judged before our ref stood.
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

/** Everything that the commit reaches, beyond its parents' history, is there. */
async function isWhole({ gitCommonDir }: CheckpointPlace, commit: string): Promise<boolean> {
  const options = { cwd: gitCommonDir, env: { GIT_DIR: gitCommonDir }, okCodes: [1, 128] };
  const { exitCode } = await runGit(['rev-list', '--objects', '--quiet', '--no-walk', commit, `${commit}^@`], options);
  return exitCode === 0;
}

/** What git says when something is gone that its index says is stored. */
export function isCollected(error: unknown): boolean {
  if (error instanceof SwarmError && error.code === 'checkpoint-collected') return true;
  return (
    isGitError(error, 'corrupt-repository', 'git-failed', 'unknown-revision') &&
    /invalid object|missing|not found|bad object|unable to read|not a (valid )?(tree|commit)|does not exist/i.test(
      error.stderr,
    )
  );
}
