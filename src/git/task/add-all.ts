import { joinNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { isGitError, parseGitStderr, skippedByAdd } from '../errors.ts';
import { runGit } from '../git.ts';
import type { GitOptions } from '../git.ts';
import { whileLocked } from '../lock.ts';

const CONFIG = ['-c', 'advice.addEmbeddedRepo=false', '-c', 'core.safecrlf=false', '-c', 'add.ignoreErrors=false'];

/** `--sparse`: files outside of a sparse checkout's cone too, which git would refuse with all others. */
const ADD = ['add', '-A', '--sparse'];

/**
 * Adds everything like `add -A`, but one nested repository without a commit, or one unreadable file, does not stop the
 * others: such names are skipped and returned. With `only`, no other names are looked at.
 */
export async function addAll(
  options: Pick<GitOptions, 'cwd' | 'env' | 'signal'>,
  extra: readonly string[] = [],
  only: readonly RawPath[] | null = null,
): Promise<string[]> {
  const given =
    only === null
      ? { flags: [], input: {} }
      : { flags: ['--pathspec-from-file=-', '--pathspec-file-nul'], input: { input: joinNul(only) } };
  const env = only === null ? options.env : { ...options.env, GIT_LITERAL_PATHSPECS: '1' };
  const all = { ...options, ...given.input, env };
  try {
    const { stderr } = await whileLocked(() => runGit([...CONFIG, ...extra, ...ADD, ...given.flags], all));
    return skippedByAdd(stderr);
  } catch (error) {
    if (!isGitError(error, 'embedded-repository', 'permission-denied')) throw error;
    const args = [...CONFIG, ...extra, ...ADD, '--ignore-errors', ...given.flags];
    const { stderr } = await whileLocked(() => runGit(args, { ...all, okCodes: [1] }));
    const skipped = skippedByAdd(stderr);
    if (skipped.length === 0 || parseGitStderr(stderr).code === 'disk-full') throw error;
    return skipped;
  }
}
