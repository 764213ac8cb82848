import { SwarmError } from '../domain/errors.ts';

export type GitErrorCode =
  | 'git-missing'
  | 'git-timeout'
  | 'git-aborted'
  | 'index-locked'
  | 'ref-locked'
  | 'ref-changed'
  | 'ref-name-taken'
  | 'no-repository'
  | 'no-commit'
  | 'bare-repository'
  | 'old-git'
  | 'dubious-ownership'
  | 'disk-full'
  | 'permission-denied'
  | 'read-only'
  | 'corrupt-repository'
  | 'unknown-revision'
  | 'branch-in-use'
  | 'branch-dirty'
  | 'worktree-exists'
  | 'worktree-dirty'
  | 'worktree-locked'
  | 'worktree-pruned'
  | 'worktree-has-submodules'
  | 'no-worktree'
  | 'not-fast-forward'
  | 'embedded-repository'
  | 'no-identity'
  | 'unsigned'
  | 'filter-failed'
  | 'git-failed';

export interface GitFailure {
  code: GitErrorCode;
  hint: string;
  /** A repeated call does no harm, and does nothing twice. */
  retrySafe: boolean;
  /** Waiting does not mend it. */
  lasting?: boolean;
}

interface Rule extends GitFailure {
  test: RegExp;
}

const again = (code: GitErrorCode, test: RegExp, hint: string): Rule => ({ code, test, hint, retrySafe: true });
const never = (code: GitErrorCode, test: RegExp, hint: string): Rule => ({ code, test, hint, retrySafe: false });
/** A person has to act first. */
const lasting = (code: GitErrorCode, test: RegExp, hint: string): Rule => ({
  ...never(code, test, hint),
  lasting: true,
});

const READ_ONLY = lasting('read-only', /read-only file system/i, 'The file system is read-only; use a writable one.');

/** First match wins: the more exact sentence comes first. */
const RULES: readonly Rule[] = [
  // Where git names no reason, a write that the system cut short has no other cause.
  never(
    'disk-full',
    /no space left on device|disk quota exceeded|out of diskspace|unable to write file (?!.*: )|couldn't (write|close) '|: I\/O error$/im,
    'Free some disk space and try again.',
  ),
  lasting(
    'filter-failed',
    /external filter '[^\n]*' failed 12[67]\b|initialization for subprocess '[^\n]*' failed|cannot fork to run subprocess/i,
    "Install the program of that filter (for lfs: git-lfs); `git config --show-origin --get-regexp '^filter'` shows where it is named.",
  ),
  never(
    'filter-failed',
    /(smudge|clean) filter '?[^\n]* failed/i,
    'Run `git checkout` by hand to see why; GIT_LFS_SKIP_SMUDGE=1 before `swarm up` leaves the files of git-lfs out.',
  ),
  again(
    'index-locked',
    /unable to create '[^\n]*index\.lock': File exists/i,
    'Another git process works in this worktree; wait for it, or remove the index.lock that a killed git left behind.',
  ),
  again(
    'worktree-pruned',
    /could not open '[^'\n]*\/worktrees\/[^'\n]*'/i,
    "Git's own upkeep removed the entry of a worktree that was just being made; try again.",
  ),
  again(
    'ref-changed',
    /not updating refs\/|is at [0-9a-f]+ but expected|reference already exists|but expected [0-9a-f]+/i,
    'The branch moved meanwhile; try again.',
  ),
  // Git says this of a lock too, but waiting does not help.
  never(
    'ref-name-taken',
    /' exists; cannot create '|there is a non-empty directory '[^\n]*' blocking reference/i,
    'A branch cannot lie below another one, as a/b below a: rename the one that is there with `git branch -m`.',
  ),
  again(
    'ref-locked',
    /unable to create '[^\n]*\.lock': File exists|cannot lock ref|unable to lock|could not lock config file/i,
    'Another git process updates this repository; try again. `swarm doctor` names a lock that a killed git left.',
  ),
  lasting(
    'dubious-ownership',
    /detected dubious ownership/i,
    'The repository belongs to another user; run `git config --global --add safe.directory <path>` if you trust it.',
  ),
  never('no-repository', /not a git repository/i, 'Change into a git repository, or make one with `git init`.'),
  lasting(
    'bare-repository',
    /must be run in a work tree|cannot be used without a working tree/i,
    'Use a repository with a working tree.',
  ),
  READ_ONLY,
  never(
    'corrupt-repository',
    /object file [^\n]* is empty|loose object [^\n]* is corrupt|bad object|unable to read tree|index file (corrupt|smaller)|bad signature|inflate: data stream error/i,
    'Run `git fsck` to see what is damaged.',
  ),
  never(
    'worktree-has-submodules',
    /working trees containing submodules cannot be/i,
    'Remove the submodules from this worktree first: `git submodule deinit --all`.',
  ),
  never(
    'worktree-dirty',
    /contains modified or untracked files/i,
    'Commit or remove the changes in this worktree first.',
  ),
  never(
    'worktree-locked',
    /cannot (remove|move) a locked working tree/i,
    'Unlock it with `git worktree unlock <path>`.',
  ),
  never('no-worktree', /is not a working tree/i, 'See `git worktree list`.'),
  never(
    'branch-in-use',
    /is already (checked out|used by worktree) at/i,
    'Switch that worktree to another branch first.',
  ),
  never(
    'worktree-exists',
    /missing but already registered worktree|' already exists/i,
    'Remove what is in the way, or choose another path.',
  ),
  never(
    'branch-dirty',
    /would be overwritten by (merge|checkout)|cannot merge: you have (unstaged|uncommitted)|you have not concluded your merge/i,
    'Commit or stash the changes in that worktree first.',
  ),
  never('not-fast-forward', /not possible to fast-forward/i, 'The branch has other commits meanwhile; try again.'),
  never(
    'embedded-repository',
    /does not have a commit checked out|cannot add a submodule of a different hash algorithm/i,
    'A git repository without a commit, or with another kind of object ids, lies inside the worktree; commit in it, ignore it, or remove it.',
  ),
  never(
    'no-identity',
    /please tell me who you are|unable to auto-detect email|empty ident name/i,
    'Set `git config --global user.name` and `user.email`.',
  ),
  never(
    'unsigned',
    /(does not have a|has an? (untrusted|bad)) GPG signature/i,
    'The setting merge.verifySignatures asks for a signature; `git merge --no-verify-signatures` does without.',
  ),
  never(
    'unknown-revision',
    /unknown revision|needed a single revision|not a valid object name|invalid reference|not a commit|not something we can merge|ambiguous argument/i,
    'Check the name with `git rev-parse --verify <name>`.',
  ),
  never(
    'permission-denied',
    /permission denied|insufficient permission/i,
    'Check the owner and the permissions of the repository.',
  ),
];

/**
 * The one place that reads git's stderr. `isReadOnly`: of the file system at hand; with reftables git calls any write that
 * fails an I/O error.
 */
export function parseGitStderr(stderr: string, isReadOnly: () => boolean = () => false): GitFailure {
  const found = RULES.find(({ test }) => test.test(stderr));
  const rule = found?.code === 'disk-full' && isReadOnly() ? READ_ONLY : found;
  if (rule === undefined) return { code: 'git-failed', hint: 'Run the command by hand to see more.', retrySafe: false };
  const { test: _test, ...failure } = rule;
  return failure;
}

/** Advice, and what a filter that has not started makes git say first. */
const UNTOLD = /^(hint:|error: packet write|error: could not write client identification)/i;

/** The most telling sentence of stderr: the first fatal or error line, without its prefix. */
export function mainSentence(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !UNTOLD.test(line));
  const told = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1) ?? 'no message';
  return told.replace(/^(fatal|error): /, '').slice(0, 500);
}

const SKIPPED = [
  /^error: open\("(.+)"\): /,
  /^error: readlink\("(.+)"\): /,
  /^error: unable to index file '(.+)'/,
  /^error: '(.+)' does not have a commit checked out/,
  /^warning: could not open directory '(.+)': /,
] as const;

/** Names that `git add` reports as left out. */
export function skippedByAdd(stderr: string): string[] {
  const names = new Set<string>();
  for (const line of stderr.split('\n')) {
    for (const pattern of SKIPPED) {
      const name = pattern.exec(line)?.[1];
      if (name !== undefined) names.add(name);
    }
  }
  return [...names];
}

export interface GitErrorFacts {
  args: readonly string[];
  cwd: string;
  exitCode: number | null;
  signal: string | null;
  stderr: string;
}

export class GitError extends SwarmError {
  declare readonly code: GitErrorCode;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Null when git was never started or ended by a signal. */
  readonly gitExitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;

  constructor(failure: GitFailure, message: string, facts: GitErrorFacts, cause?: unknown) {
    super(failure.code, message, { ...failure, cause });
    this.name = 'GitError';
    this.args = facts.args;
    this.cwd = facts.cwd;
    this.gitExitCode = facts.exitCode;
    this.signal = facts.signal;
    this.stderr = facts.stderr;
  }
}

export function isGitError(error: unknown, ...codes: GitErrorCode[]): error is GitError {
  return error instanceof GitError && (codes.length === 0 || codes.includes(error.code));
}
