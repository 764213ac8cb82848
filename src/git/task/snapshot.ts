import { copyFile, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { addAll } from './add-all.ts';
import { printable } from '../bytes.ts';
import { gitText, runGit } from '../git.ts';
import { SWARM_IDENTITY } from '../identity.ts';
import { leaveOutRepositories } from '../repository/gitlinks.ts';
import { worktreeGitDir } from '../repository/operations.ts';

/**
 * A commit of the working tree as it is (tracked and untracked files, not ignored ones), with HEAD as its parent. The
 * person's index, HEAD and branches are not touched; `refs/swarm/snapshots/<oid>` keeps the commit from collection.
 * HEAD's own commit when nothing differs. Linked worktrees inside, and other repositories without an entry in
 * .gitmodules, are no part of it: `leftOut` names them, and what git cannot read.
 */
export async function snapshotDirty({ root }: { root: string }): Promise<{ commit: string; leftOut: string[] }> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'swarm-index-'));
  try {
    const index = path.join(scratch, 'index');
    await copyIndex(path.join(worktreeGitDir(root), 'index'), index);
    const env = { GIT_INDEX_FILE: index };
    const [head, skipped] = await Promise.all([
      gitText(['rev-parse', 'HEAD', 'HEAD^{tree}'], { cwd: root }),
      addAll({ cwd: root, env }),
    ]);
    const [commit = '', headTree = ''] = head.split('\n');
    const repositories = await leaveOutRepositories({ cwd: root, env }, commit, () => Promise.resolve([commit]));
    const leftOut = [...repositories.map(printable), ...skipped];
    const tree = await gitText(['write-tree'], { cwd: root, env });
    if (tree === headTree) return { commit, leftOut };
    const made = await gitText(['commit-tree', tree, '-p', commit, '-m', 'swarm: the working tree as it was'], {
      cwd: root,
      env: SWARM_IDENTITY,
    });
    await runGit(['update-ref', `refs/swarm/snapshots/${made}`, made], { cwd: root });
    return { commit: made, leftOut };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Copies the index, and makes the copy look older. Git trusts an entry's cached stat unless the file is as young as the
 * index file itself: a copy that looks younger than the index would hide an edit made in the same second.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // nothing was ever staged
    throw error;
  }
  const { mtimeMs } = await stat(from);
  const seconds = Math.floor(mtimeMs / 1000);
  await utimes(to, seconds, seconds);
}
