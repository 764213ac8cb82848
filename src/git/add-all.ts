import { isGitError, parseGitStderr, skippedByAdd } from './errors.ts';
import { runGit } from './git.ts';
import type { GitOptions } from './git.ts';
import { whileLocked } from './lock.ts';

const CONFIG = ['-c', 'advice.addEmbeddedRepo=false', '-c', 'core.safecrlf=false', '-c', 'add.ignoreErrors=false'];

/**
 * `add -A`. One nested repository without a commit, or one unreadable file, must not cost all the others: such names
 * are skipped and returned.
 */
export async function addAll(
  options: Pick<GitOptions, 'cwd' | 'env' | 'signal'>,
  extra: readonly string[] = [],
): Promise<string[]> {
  try {
    const { stderr } = await whileLocked(() => runGit([...CONFIG, ...extra, 'add', '-A'], options));
    return skippedByAdd(stderr);
  } catch (error) {
    if (!isGitError(error, 'embedded-repository', 'permission-denied')) throw error;
    const args = [...CONFIG, ...extra, 'add', '-A', '--ignore-errors'];
    const { stderr } = await whileLocked(() => runGit(args, { ...options, okCodes: [1] }));
    const skipped = skippedByAdd(stderr);
    if (skipped.length === 0 || parseGitStderr(stderr).code === 'disk-full') throw error;
    return skipped;
  }
}
