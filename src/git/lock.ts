import { backoffDelay, NO_JITTER, type BackoffRules } from '../lib/backoff.ts';
import { sleep, systemClock } from '../lib/clock.ts';
import { KeyedMutex } from '../lib/mutex.ts';
import { isGitError } from './errors.ts';

/** One merge at a time into the branches of a repository, by its root; in this process. */
export const merges = new KeyedMutex();
/** One change at a time of a repository's list of worktrees, by its root; in this process. */
export const worktreeLists = new KeyedMutex();

const BACKOFF: BackoffRules = { baseMs: 10, capMs: 900, jitter: NO_JITTER };
const RETRIES = 8;

/**
 * Tries again, for about 2 s in all, while another git process holds a lock or is in the way. `work` must be safe to
 * repeat.
 */
export async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt <= RETRIES; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isGitError(error, 'index-locked', 'ref-locked', 'worktree-pruned')) throw error;
      await sleep(systemClock, backoffDelay(BACKOFF, attempt));
    }
  }
  return work();
}
