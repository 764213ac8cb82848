import type { Aside } from './aside.ts';
import { printable, splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';
import { gitlinksOf } from '../repository/gitlinks.ts';
import { repositoriesAt } from '../repository/inner-repositories.ts';
import { filesAt } from '../repository/on-disk.ts';
import type { Held } from './leftovers.ts';
import type { WorktreeStatus } from '../repository/status.ts';

export interface ClearWay {
  worktree: string;
  /** The present status. */
  status: WorktreeStatus;
  /** Commit that is checked out next, by force. */
  start: string;
  /** Commits that are merged into it afterwards. */
  merges: readonly string[];
  held: Held;
  aside: Aside;
}

/**
 * Moves aside files that are in the way of a checkout and its merges and that no checkpoint holds. Git's checkouts and
 * merges overwrite ignored files, and delete a directory where a file is to be, a repository inside it too. Returns the
 * names, for people.
 */
export async function clearWay({ worktree, status, start, merges, held, aside }: ClearWay): Promise<string[]> {
  const coming = [start, ...merges].filter((commit) => commit !== status.commit);
  const placed = await Promise.all(coming.map((commit) => placedBy(worktree, status.commit, commit)));
  const differing = new Set([...status.changed, ...status.unmerged]);
  const names = new Set([...placed.flat(), ...differing]);
  const moved: RawPath[] = [];
  const move = async (file: RawPath): Promise<void> => {
    await aside.take(file);
    moved.push(file);
  };
  const repositories = repositoriesAt(worktree, names);
  // Git leaves a repository alone where the commit links to it.
  const links = repositories.length === 0 ? new Set<RawPath>() : await linksOf(worktree, start);
  for (const file of repositories) if (!links.has(file)) await move(file);
  const files = filesAt(worktree, names);
  if (files.length === 0) return moved.map(printable);
  const captured = await held();
  const unheld = files.filter((file) => !captured.has(file));
  // Too large for a checkpoint, but in a commit.
  const committed = unheld.length === 0 ? new Set<RawPath>() : await tracked(worktree);
  for (const file of unheld) if (!committed.has(file) || differing.has(file)) await move(file);
  return moved.map(printable);
}

/**
 * Files in a worktree at `from`, without changes, that a checkout of `to` would overwrite or delete and no commit
 * holds.
 */
export async function lyingInTheWay(worktree: string, from: string, to: string): Promise<RawPath[]> {
  const names = await placedBy(worktree, from, to);
  const files = filesAt(worktree, names);
  const repositories = repositoriesAt(worktree, names);
  const committed = files.length === 0 ? new Set<RawPath>() : await tracked(worktree);
  const links = repositories.length === 0 ? new Set<RawPath>() : await linksOf(worktree, to);
  return [...repositories.filter((file) => !links.has(file)), ...files.filter((file) => !committed.has(file))];
}

/** Files and links that a commit adds, or puts in the place of another kind of entry. */
async function placedBy(worktree: string, from: string | null, to: string): Promise<RawPath[]> {
  if (from === null) {
    const { stdout } = await runGit(['ls-tree', '-r', '-z', '--name-only', '--full-tree', to], { cwd: worktree });
    return splitNul(stdout);
  }
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', '--diff-filter=AT', from, to];
  return splitNul((await runGit(args, { cwd: worktree })).stdout);
}

async function linksOf(worktree: string, commit: string): Promise<ReadonlySet<RawPath>> {
  return new Set((await gitlinksOf(worktree, commit)).map((link) => link.path));
}

async function tracked(worktree: string): Promise<ReadonlySet<RawPath>> {
  return new Set(splitNul((await runGit(['ls-files', '-z'], { cwd: worktree })).stdout));
}
