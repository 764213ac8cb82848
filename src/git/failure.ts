import { accessSync, constants, existsSync } from 'node:fs';
import { StartError } from '../lib/start-error.ts';
import { GitError, mainSentence, parseGitStderr } from './errors.ts';
import type { GitErrorFacts, GitFailure } from './errors.ts';

/** Error for a git that could not be started. */

export function notStarted(facts: GitErrorFacts, cause: unknown): GitError {
  const place = { program: 'git', cwd: facts.cwd, searchPath: process.env['PATH'] };
  const { reason, hint = '', lasting } = new StartError(place, cause, { what: 'git 2.36 or newer' });
  const failure: GitFailure = existsSync(facts.cwd)
    ? { code: lasting ? 'git-missing' : 'git-failed', hint, retrySafe: true, lasting }
    : // It may be made anew, as the worktree of an agent is.
      { code: 'git-missing', hint, retrySafe: true };
  return new GitError(failure, `git cannot be started in ${facts.cwd}: ${reason}`, facts, cause);
}

export function stopped(code: 'git-timeout' | 'git-aborted', facts: GitErrorFacts, cause?: unknown): GitError {
  const why = code === 'git-timeout' ? 'took too long and was ended' : 'was cancelled';
  const hint =
    code === 'git-timeout' ? 'Check the disk and the size of the repository, then try again.' : 'Run it again.';
  const failure: GitFailure = { code, hint, retrySafe: false };
  return new GitError(failure, `git ${verb(facts.args)} ${why} (in ${facts.cwd})`, facts, cause);
}

/** Error for a git that ended with a failure. */
export function failed(facts: GitErrorFacts): GitError {
  const how = facts.exitCode === null ? `ended by ${facts.signal ?? 'a signal'}` : mainSentence(facts.stderr);
  return new GitError(
    parseGitStderr(facts.stderr, () => isReadOnly(facts.cwd)),
    `git ${verb(facts.args)} failed in ${facts.cwd}: ${how}`,
    facts,
  );
}

function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

/** The subcommand, without leading `-c key=value` options. */
function verb(args: readonly string[]): string {
  let at = 0;
  while (args[at] === '-c') at += 2;
  return args[at] ?? '';
}
