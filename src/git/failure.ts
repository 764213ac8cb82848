import { GitError, mainSentence, parseGitStderr } from './errors.ts';
import type { GitErrorFacts, GitFailure } from './errors.ts';

/** What went wrong with a call of git, in the words of swarm. */

export function notStarted(facts: GitErrorFacts, cause: unknown): GitError {
  const code = (cause as NodeJS.ErrnoException).code;
  // spawn reports ENOENT both for a missing program and for a missing working directory.
  const failure: GitFailure =
    code === 'ENOENT'
      ? { code: 'git-missing', hint: `Install git 2.36 or newer, and check that ${facts.cwd} exists.`, retrySafe: true }
      : { code: 'git-failed', hint: 'Check that git can be started here.', retrySafe: true };
  return new GitError(failure, `git could not be started in ${facts.cwd}: ${String(code ?? cause)}`, facts, cause);
}

export function stopped(code: 'git-timeout' | 'git-aborted', facts: GitErrorFacts, cause?: unknown): GitError {
  const why = code === 'git-timeout' ? 'took too long and was ended' : 'was cancelled';
  const hint =
    code === 'git-timeout' ? 'Check the disk and the size of the repository, then try again.' : 'Run it again.';
  const failure: GitFailure = { code, hint, retrySafe: false };
  return new GitError(failure, `git ${verb(facts.args)} ${why} (in ${facts.cwd})`, facts, cause);
}

/** It ended itself, and not well. */
export function failed(facts: GitErrorFacts): GitError {
  const how = facts.exitCode === null ? `ended by ${facts.signal ?? 'a signal'}` : mainSentence(facts.stderr);
  return new GitError(parseGitStderr(facts.stderr), `git ${verb(facts.args)} failed in ${facts.cwd}: ${how}`, facts);
}

/** The subcommand, without leading `-c key=value` options. */
function verb(args: readonly string[]): string {
  let at = 0;
  while (args[at] === '-c') at += 2;
  return args[at] ?? '';
}
