import type { RunEnd } from '../process/run.ts';
import { runLean } from '../process/run-lean.ts';
import { failed, notStarted, stopped } from './failure.ts';
import { worktreeExcludes } from './own-excludes.ts';
import { ALWAYS, gitEnvironment } from './environment.ts';

export interface GitOptions {
  cwd: string;
  /** Added to the cleaned environment: for GIT_DIR, GIT_INDEX_FILE or an identity. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Ends git with SIGTERM, 2 s later with SIGKILL. */
  signal?: AbortSignal | undefined;
  /** Milliseconds; default 10 minutes (a first checkout of a large tree is slow). */
  timeoutMs?: number | undefined;
  input?: string | Uint8Array | undefined;
  /** Exit codes that are answers, not failures; 0 is always one. */
  okCodes?: readonly number[] | undefined;
}

export interface GitResult {
  stdout: Buffer;
  stderr: string;
  exitCode: number;
}

export const DEFAULT_TIMEOUT_MS = 600_000;
const KILL_AFTER_MS = 2_000;

let spawned = 0;
/** Git processes that this program has started so far: a spawn costs about 2.5 ms, so hot paths count theirs. */
export function gitSpawnCount(): number {
  return spawned;
}

export function countSpawn(): void {
  spawned += 1;
}

/**
 * Runs git where bytes or stdin are passed, where the exit code is the answer, or where every verb waits for it. Git
 * commands that people type in their own repository go through `porcelain`.
 * @throws GitError when git is missing, is ended by timeout or signal, or exits with a code that is not in `okCodes`
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
  const { exitCode, signal, stderr } = exit;
  const told = { ...facts, exitCode, signal, stderr };
  if (exit.by === 'timeout') throw stopped('git-timeout', told);
  if (exit.by === 'abort') throw stopped('git-aborted', told, options.signal?.reason);
  throw failed(told);
}

/** stdout as UTF-8 text without the final newline. */
export async function gitText(args: readonly string[], options: GitOptions): Promise<string> {
  const { stdout } = await runGit(args, options);
  return stdout.toString('utf8').replace(/\n$/, '');
}

function start(args: readonly string[], options: GitOptions): Promise<RunEnd> {
  countSpawn();
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
