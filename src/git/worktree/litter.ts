import { printable } from '../bytes.ts';
import { openingDirectories } from './closed-directories.ts';
import { runGit } from '../git.ts';
import { whileLocked } from '../lock.ts';
import { isClean, readStatus } from '../repository/status.ts';

/**
 * Sets a worktree back to `commit` after a verify command ran in it: tracked files reset, untracked files that are not
 * ignored removed. Nested repositories stay. Everything else was committed before, so the command made these files.
 * Returns their names.
 */
export async function cleanLitter(worktree: string, commit: string): Promise<string[]> {
  return openingDirectories(worktree, () => clean(worktree, commit));
}

async function clean(worktree: string, commit: string): Promise<string[]> {
  const status = await readStatus(worktree, { untracked: 'all' });
  if (isClean(status) && status.commit === commit) return [];
  await whileLocked(() => runGit(['reset', '-q', '--hard', commit], { cwd: worktree }));
  if (status.untracked.length > 0) await runGit(['clean', '-q', '-f', '-d'], { cwd: worktree });
  return [...status.unmerged, ...status.changed, ...status.untracked].map(printable);
}
