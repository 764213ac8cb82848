import { printable, splitNul } from '../bytes.ts';
import { runGit } from '../git.ts';

/**
 * Untracked files and folders (with a `/` at the end) in a folder of a worktree that match one of `patterns`, ignored
 * ones too. A folder is not looked into.
 * @param depth most parts of a name: 2 for patterns such as `.claude/*`
 */
export async function untrackedBelow(root: string, patterns: readonly string[], depth = 1): Promise<string[]> {
  const pathspecs = patterns.map((pattern) => `:(glob)${pattern}`);
  const { stdout } = await runGit(['ls-files', '-z', '--others', '--directory', '--', ...pathspecs], { cwd: root });
  const names = splitNul(stdout).map(printable);
  // Below a folder that git tracks in part, each untracked entry is named.
  return names.filter((name) => name.replace(/\/$/, '').split('/').length <= depth).sort();
}

/** The entries that git neither tracks nor ignores: a wholly untracked folder is one, with a `/` at the end. */
export async function untrackedEntries(worktree: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--directory', '--no-empty-directory', '--exclude-standard'];
  return splitNul((await runGit(args, { cwd: worktree })).stdout).map(printable);
}
