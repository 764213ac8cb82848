import { SwarmError } from '../../domain/errors.ts';
import { printable } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { repositoriesAt } from '../../git/repository/inner-repositories.ts';

/**
 * Refuses to restore files over a repository inside the worktree: a checkpoint keeps no more of it than the id of its
 * commit. `files`: those that are to be written. Error: `repository-in-the-way`.
 */
export function refuseRepositories(worktree: string, files: Iterable<RawPath>): void {
  const names = repositoriesAt(worktree, files).map(printable);
  if (names.length === 0) return;
  const some = names.slice(0, 3).join(', ') + (names.length > 3 ? `, and ${names.length - 3} more` : '');
  const what = names.length === 1 ? 'is a git repository of its own' : 'are git repositories of their own';
  throw new SwarmError(
    'repository-in-the-way',
    `${some} ${what}, whose commits no checkpoint holds, and the checkpoint has a file in that place`,
    { hint: `Nothing was changed. Move it out of ${worktree}, then try again.`, retrySafe: true },
  );
}
