import { existsSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ProjectLayout } from '../../domain/layout.ts';
import { leftLocks, type LeftLock } from '../../git/repository/stale-lock.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { worksInside } from '../../process/index.ts';
import type { Diagnosis } from './finding.ts';

/**
 * Checks for locks that a killed git left in the repository, in the main checkout or in the agents' worktrees. The start
 * of an agent clears those that it needs gone; between starts, and in the person's checkout, they stay.
 */
export async function checkGitLocks({ layout }: { layout: GitPlace }): Promise<Diagnosis[]> {
  const locks = await locksOf(layout);
  return locks.map(({ file, prevents, stopsAll }) => ({
    check: 'git-lock',
    severity: stopsAll ? 'error' : 'warning',
    text: `a git that was killed left ${file}`,
    cause: `While it is there, ${prevents}.`,
    cure: `If no git works in this repository: rm ${shellQuote(file)}`,
    repair: async () => {
      // A git may have come since; its lock is a new one.
      if (!(await locksOf(layout)).some((lock) => lock.file === file)) return `${file} is gone, or in use`;
      await rm(file, { force: true });
      return `removed ${file}`;
    },
  }));
}

type GitPlace = Pick<ProjectLayout, 'root' | 'gitCommonDir' | 'worktreesDir'>;

async function locksOf({ root, gitCommonDir, worktreesDir }: GitPlace): Promise<LeftLock[]> {
  const worktrees = (await listWorktrees(root))
    .filter(({ path: place, bare }) => !bare && (place === root || path.dirname(place) === worktreesDir))
    .map(({ path: place }) => place)
    .filter((place) => existsSync(place));
  return leftLocks({ gitCommonDir, worktrees }, (directories) =>
    worksInside(
      directories.map((directory) => realpathSync(directory)),
      'git',
    ),
  );
}
