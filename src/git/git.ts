import type { RunEnd } from '../process/run.ts';
import { runLean } from '../process/run-lean.ts';
import { GitError, mainSentence, parseGitStderr } from './errors.ts';
import type { GitErrorFacts, GitFailure } from './errors.ts';
import { worktreeExcludes } from './own-excludes.ts';
import { ALWAYS, gitEnvironment } from './environment.ts';

export interface GitOptions {
  cwd: string;
  /** Laid over the cleaned environment; the way to set GIT_DIR, GIT_INDEX_FILE or an identity on purpose. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Ends git with SIGTERM, 2 s later with SIGKILL. */
  signal?: AbortSignal | undefined;
  /** Milliseconds; 10 minutes unless told (a first checkout of a large tree is slow). */
  timeoutMs?: number | undefined;
  input?: string | Uint8Array | undefined;
  /** Exit codes that are answers, not failures; 0 always is. */
  okCodes?: readonly number[] | undefined;
}

export interface GitResult {
  stdout: Buffer;
  stderr: string;
  exitCode: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const KILL_AFTER_MS = 2_000;

let spawned = 0;
/** Git processes started by this program so far: a spawn costs about 2.5 ms, so hot paths count theirs. */
export function gitSpawnCount(): number {
  return spawned;
}

/**
 * The only door to git. Throws `GitError` when git is missing, is ended by timeout or signal, or exits with a code that
 * is not in `okCodes`.
 */
export async function runGit(args: readonly string[], options: GitOptions): Promise<GitResult> {
  const facts = { args, cwd: options.cwd, exitCode: null, signal: null, stderr: '' };
  if (options.signal?.aborted === true) throw stopped('git-aborted', facts, options.signal.reason);
  const exit = await start(args, options).catch((cause: unknown) => {
    throw notStarted(facts, cause);
  });
  if (exit.exitCode !== null && exit.by === 'itself') {
    if (exit.exitCode === 0 || options.okCodes?.includes(exit.exitCode) === true) {
      return { stdout: exit.stdout, stderr: exit.stderr, exitCode: exit.exitCode };
    }
  }
  throw failed(exit, { ...facts, exitCode: exit.exitCode, signal: exit.signal, stderr: exit.stderr }, options);
}

/** stdout as UTF-8 text without the final newline. */
export async function gitText(args: readonly string[], options: GitOptions): Promise<string> {
  const { stdout } = await runGit(args, options);
  return stdout.toString('utf8').replace(/\n$/, '');
}

function start(args: readonly string[], options: GitOptions): Promise<RunEnd> {
  spawned += 1;
  const excludes = worktreeExcludes(options.cwd);
  const own = excludes === null ? [] : ['-c', `core.excludesFile=${excludes}`];
  return runLean(['git', ...ALWAYS, ...own, ...args], {
    cwd: options.cwd,
    env: gitEnvironment(process.env, options.env),
    input: options.input,
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    graceMs: KILL_AFTER_MS,
  });
}

function notStarted(facts: GitErrorFacts, cause: unknown): GitError {
  const code = (cause as NodeJS.ErrnoException).code;
  // spawn reports ENOENT both for a missing program and for a missing working directory.
  const failure: GitFailure =
    code === 'ENOENT'
      ? { code: 'git-missing', hint: `Install git 2.36 or newer, and check that ${facts.cwd} exists.`, retrySafe: true }
      : { code: 'git-failed', hint: 'Check that git can be started here.', retrySafe: true };
  return new GitError(failure, `git could not be started in ${facts.cwd}: ${String(code ?? cause)}`, facts, cause);
}

function stopped(code: 'git-timeout' | 'git-aborted', facts: GitErrorFacts, cause?: unknown): GitError {
  const why = code === 'git-timeout' ? 'took too long and was ended' : 'was cancelled';
  const hint =
    code === 'git-timeout' ? 'Check the disk and the size of the repository, then try again.' : 'Run it again.';
  return new GitError(
    { code, hint, retrySafe: false },
    `git ${verb(facts.args)} ${why} (in ${facts.cwd})`,
    facts,
    cause,
  );
}

function failed(exit: RunEnd, facts: GitErrorFacts, options: GitOptions): GitError {
  if (exit.by === 'timeout') return stopped('git-timeout', facts);
  if (exit.by === 'abort') return stopped('git-aborted', facts, options.signal?.reason);
  const how = exit.exitCode === null ? `ended by ${exit.signal ?? 'a signal'}` : mainSentence(exit.stderr);
  return new GitError(parseGitStderr(exit.stderr), `git ${verb(facts.args)} failed in ${facts.cwd}: ${how}`, facts);
}

/** The subcommand, without leading `-c key=value` options. */
function verb(args: readonly string[]): string {
  let at = 0;
  while (args[at] === '-c') at += 2;
  return args[at] ?? '';
}
