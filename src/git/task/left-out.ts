import path from 'node:path';
import { existsSync, realpathSync } from 'node:fs';
import { printable } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { listWorktrees } from '../worktree/worktrees.ts';

/**
 * What a person should know of parts of a worktree that no commit takes up: each a sentence.
 * @param repositories repositories inside without an entry in .gitmodules
 * @param skipped names that `git add` passed over
 * @param hidden changed files that are hidden from git by a mark in the index
 */
export async function leftOutNotes(
  worktree: string,
  repositories: readonly RawPath[],
  skipped: readonly string[],
  hidden: readonly RawPath[],
): Promise<string[]> {
  const linked = repositories.length === 0 ? [] : await listWorktrees(worktree);
  return [
    ...repositories.map((raw) => {
      const place = path.join(worktree, printable(raw));
      const own = linked.find((other) => existsSync(place) && other.path === realpathSync(place));
      if (own !== undefined) {
        const where = own.branch === null ? `at commit ${own.commit?.slice(0, 12)}` : `on branch ${own.branch}`;
        return `${printable(raw)} is a worktree of this repository, ${where}: it is not in the result, nor are its commits.`;
      }
      const kept = existsSync(place) ? ` It lies in ${place}, and is put aside when the next task begins there.` : '';
      return `${printable(raw)} is a git repository of its own without an entry in .gitmodules: it is not in the result.${kept}`;
    }),
    ...skipped.map(
      (name) => `${name} cannot be read, or is a git repository without a commit: it is not in the result.`,
    ),
    ...hidden.map(
      (raw) =>
        `${printable(raw)} was changed, and is hidden from git by \`git update-index --assume-unchanged\` or \`--skip-worktree\`: the change is not in the result.`,
    ),
  ];
}
