import { existsSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { gitText, runGit } from '../../git/git.ts';

/**
 * The path of a nested repository; null where its name is not text and cannot be a working directory of a process. Such
 * a repository is captured without a look inside.
 */
function placeOf(worktree: string, file: RawPath): string | null {
  const place = path.join(worktree, printable(file));
  return existsSync(path.join(place, '.git')) ? place : null;
}

/** The commit of a repository inside the worktree: a checkpoint keeps nothing else of it. */
export async function nestedHead(worktree: string, file: RawPath): Promise<string | null> {
  const cwd = placeOf(worktree, file);
  if (cwd === null) return null;
  const head = await gitText(['rev-parse', '-q', '--verify', 'HEAD^{commit}'], { cwd, okCodes: [1, 128] });
  return /^[0-9a-f]{40,64}$/.test(head) ? head : null;
}

/** Whether the repository holds changes or files that its commit does not. */
export async function nestedIsDirty(worktree: string, file: RawPath): Promise<boolean> {
  const cwd = placeOf(worktree, file);
  if (cwd === null) return false;
  const { stdout } = await runGit(['status', '--porcelain', '-z', '-unormal'], { cwd, okCodes: [128] });
  return stdout.length > 0;
}
