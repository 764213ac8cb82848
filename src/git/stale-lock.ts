import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { worktreeGitDir } from './operations.ts';

/**
 * Removes the `index.lock` and `HEAD.lock` that a killed git left in a worktree. Only for who knows that no process
 * works there any more (the agent's whole tree is gone); `olderThanMs` guards against a git that somebody else started
 * just now. Returns the names of what was removed.
 */
export async function clearStaleLocks(worktree: string, options: { olderThanMs: number }): Promise<string[]> {
  const removed: string[] = [];
  for (const name of ['index.lock', 'HEAD.lock']) {
    const file = path.join(worktreeGitDir(worktree), name);
    try {
      const { mtimeMs } = await stat(file);
      // One from the future was there before the clock was set back.
      if (Math.abs(Date.now() - mtimeMs) < options.olderThanMs) continue;
      await rm(file);
      removed.push(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return removed;
}
