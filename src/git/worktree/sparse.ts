import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { gitText, runGit } from '../git.ts';
import { whileLocked } from '../lock.ts';
import { worktreeGitDir } from '../repository/operations.ts';

const SETTINGS = ['core.sparseCheckout', 'core.sparseCheckoutCone', 'index.sparse'] as const;

const patternsOf = (gitDir: string): string => path.join(gitDir, 'info', 'sparse-checkout');

/** Whether the worktree shows another part of the files than the person's checkout. Two small reads, no process. */
export function differsInSparse(places: { root: string; worktree: string }): boolean {
  const [ours, theirs] = [places.worktree, places.root].map((place) => markOf(worktreeGitDir(place)));
  return ours !== theirs;
}

/** What a worktree's own files say of its sparse checkout. */
function markOf(gitDir: string): string {
  const settings = read(path.join(gitDir, 'config.worktree')).match(/^.*sparse.*$/gim) ?? [];
  return [
    read(patternsOf(gitDir)),
    ...settings.map((line) => line.replaceAll(/\s/g, '').toLowerCase()).toSorted(),
  ].join('\n');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Without it nothing is sparse.
    return '';
  }
}

/**
 * Has the worktree show the part of the files that the person's checkout does: an agent may have left a sparse checkout
 * of its own, in which the next task would miss files without a word. For a worktree without changes.
 */
export async function followSparse({ root, worktree }: { root: string; worktree: string }): Promise<void> {
  const [own, theirs] = [worktreeGitDir(worktree), worktreeGitDir(root)];
  const isOn =
    (await gitText(['config', '--bool', '--default', 'false', 'core.sparseCheckout'], { cwd: root })) === 'true';
  if (!isOn) await whileLocked(() => runGit(['sparse-checkout', 'disable'], { cwd: worktree }));
  for (const name of SETTINGS) {
    const args = ['config', '--file', path.join(theirs, 'config.worktree'), '--get', name];
    const value = await gitText(args, { cwd: worktree, okCodes: [1] });
    const change = value === '' ? ['--unset-all', name] : [name, value];
    // 5: it is not set.
    await runGit(['config', '--worktree', ...change], { cwd: worktree, okCodes: [5] });
  }
  await copyPatterns(theirs, own);
  if (isOn) await whileLocked(() => runGit(['sparse-checkout', 'reapply'], { cwd: worktree }));
}

async function copyPatterns(from: string, to: string): Promise<void> {
  if (!existsSync(patternsOf(from))) {
    await rm(patternsOf(to), { force: true });
    return;
  }
  await mkdir(path.dirname(patternsOf(to)), { recursive: true });
  await copyFile(patternsOf(from), patternsOf(to));
}
