import { copyFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { joinNul, splitNul, type RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';
import { readIndexFile } from '../repository/index-file.ts';
import { worktreeGitDir } from '../repository/operations.ts';
import { lies } from '../worktree/discard.ts';

/** Marks of `ls-files -v`: small letters are assumed unchanged, `S` is skipped in the worktree. */
const HIDDEN = /^[a-zS] /;

/**
 * Files whose changes no `git add` takes up and no `git status` shows, since they are marked with `git update-index
 * --assume-unchanged` or `--skip-worktree`. A file outside of a sparse checkout bears such a mark too, and is not there.
 * @param head a commit; its length tells the hash
 */
export async function hiddenChanges(worktree: string, head: string): Promise<RawPath[]> {
  const gitDir = worktreeGitDir(worktree);
  const marked = await markedFiles(worktree, path.join(gitDir, 'index'), head);
  const there = marked.filter((raw) => lies(worktree, raw));
  if (there.length === 0) return [];
  const index = path.join(gitDir, `swarm-unhidden-${process.pid}`);
  await copyFile(path.join(gitDir, 'index'), index);
  try {
    const asked = { cwd: worktree, env: { GIT_INDEX_FILE: index } };
    for (const mark of ['--no-assume-unchanged', '--no-skip-worktree'])
      await runGit(['update-index', mark, '-z', '--stdin'], { ...asked, input: joinNul(there) });
    return splitNul((await runGit(['diff', '--name-only', '-z', '--no-ext-diff'], asked)).stdout);
  } finally {
    for (const file of [index, `${index}.lock`]) await rm(file, { force: true });
  }
}

/** Read without git, unless the index is of a rare form. */
async function markedFiles(worktree: string, file: string, head: string): Promise<RawPath[]> {
  const index = readIndexFile(await readFile(file), head);
  if (index !== null)
    return Array.from({ length: index.count }, (_, at) => at)
      .filter((at) => index.isHidden(at))
      .map((at) => index.name(at));
  const listed = splitNul((await runGit(['ls-files', '-v', '-z'], { cwd: worktree })).stdout);
  return listed.filter((line) => HIDDEN.test(line)).map((line) => line.slice(2));
}
