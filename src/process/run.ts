import type { ChildProcess } from 'node:child_process';
import type { Options } from 'execa';
import { timeLimit } from '../lib/clock.ts';

/**
 * Options for `run`, which starts a program and waits for it. Each program gets a process group of its own: its
 * children in that group end with it, and a Ctrl-C for this process is not for it. Only arrays of arguments, never a
 * shell's text.
 */
export interface RunOptions {
  cwd?: string | undefined;
  /** The whole environment of the program. */
  env: Readonly<Record<string, string | undefined>>;
  /** The program's stdin, which it may leave unread; absent: empty. */
  input?: string | Uint8Array | undefined;
  /** Aborting ends the program. */
  signal?: AbortSignal | undefined;
  /** Ends the program after so many ms. */
  timeoutMs?: number | undefined;
  /** Between SIGTERM and SIGKILL when the program is ended, ms. 0 (the default): SIGKILL at once. */
  graceMs?: number | undefined;
  /**
   * `keep` (the default): the output is returned. A file descriptor takes stdout and stderr. `inherit`: they are this
   * process's.
   */
  output?: 'keep' | 'ignore' | 'inherit' | number | undefined;
  /** Called with each piece of stdout and stderr, where they are kept. */
  onOutput?: ((chunk: Buffer) => void) | undefined;
  /** A program that writes more than this to stdout or stderr is ended, bytes (64 MiB). */
  mostBytes?: number | undefined;
  /**
   * Processes that live on in its group when the program has ended. `end` (the default): killed if `run` ended the
   * program. `always-end`: killed in any case. `spare`: left to a caller that looks further than the group.
   */
  leftovers?: 'end' | 'always-end' | 'spare' | undefined;
}

export interface RunEnd {
  /** Null: a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: string;
  /**
   * Why it ended, the first reason. `escaped`: it may not be ended (another user's, as through sudo), and is waited for
   * no longer.
   */
  by: 'itself' | 'abort' | 'timeout' | 'output' | 'escaped';
}

/** The type of `run` and of its stand-ins. */
export type Run = (argv: readonly string[], options: RunOptions) => Promise<RunEnd>;

const MOST_BYTES = 64 * 1024 * 1024;
const ESCAPED = { exitCode: null, signal: null, stdout: Buffer.alloc(0), stderr: '' };

/**
 * Runs a program. Resolves when it has ended and no process holds its output any more; when it was ended, already with
 * its own end.
 * @throws the system's error (`ENOENT`, `EACCES`, `E2BIG`, …) when it could not be started; the signal's reason when
 * that was aborted before the start
 */
export const run: Run = async (argv, options) => {
  const { signal, timeoutMs, leftovers = 'end' } = options;
  // Loaded here: at the top it would cost a verb that starts no program 30 ms.
  const { execa } = await import('execa');
  // Last before the start: execa starts the program also where the signal is aborted already, and ends it afterwards.
  signal?.throwIfAborted();
  const deadline = timeoutMs === undefined ? undefined : timeLimit(timeoutMs);
  const cancelSignal = AbortSignal.any([signal, deadline].filter((one) => one !== undefined));
  const [program = '', ...args] = argv;
  const child = execa(program, args, { ...execaOptions(options), cancelSignal });
  const { nodeChildProcess } = child;
  listen(nodeChildProcess, options.onOutput);
  closeOutput(nodeChildProcess, cancelSignal);
  const result = await Promise.race([child, untilEscaped(nodeChildProcess)]);
  if (result === 'escaped') return { ...ESCAPED, by: result };
  const { exitCode = null, signal: killedBy = null } = result;
  if (exitCode === null && killedBy === null && !result.isCanceled) throw startError(result.cause);
  const by = endedBy(result, deadline !== undefined && cancelSignal.reason === deadline.reason);
  if (leftovers === 'always-end' || (leftovers === 'end' && by !== 'itself')) child.kill('SIGKILL');
  return { exitCode, signal: killedBy, stdout: bytes(result.stdout), stderr: bytes(result.stderr).toString(), by };
};

function execaOptions({ cwd, env, input, graceMs = 0, output = 'keep', mostBytes = MOST_BYTES }: RunOptions): Options {
  // execa's types know only small descriptors.
  const to = output === 'keep' ? 'pipe' : (output as 'ignore' | 'inherit' | 3);
  return {
    ...(cwd === undefined ? {} : { cwd }),
    env,
    extendEnv: false,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    stdout: to,
    stderr: to,
    encoding: 'buffer',
    stripFinalNewline: false,
    maxBuffer: mostBytes,
    reject: false,
    killSignal: graceMs === 0 ? 'SIGKILL' : 'SIGTERM',
    // execa takes whole numbers up to what a timer can hold.
    forceKillAfterDelay: graceMs === 0 ? false : Math.ceil(Math.min(graceMs, 2 ** 31 - 1)),
    killDescendants: true,
    // The callers end the program; the end of this process does not.
    cleanup: false,
  };
}

function endedBy(result: { isMaxBuffer: boolean; isCanceled: boolean }, late: boolean): RunEnd['by'] {
  if (result.isMaxBuffer) return 'output';
  if (!result.isCanceled) return 'itself';
  return late ? 'timeout' : 'abort';
}

function startError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('the program could not be started', { cause });
}

function bytes(output: unknown): Buffer {
  return output instanceof Uint8Array
    ? Buffer.from(output.buffer, output.byteOffset, output.byteLength)
    : Buffer.alloc(0);
}

function listen({ stdout, stderr }: ChildProcess, onOutput: ((chunk: Buffer) => void) | undefined): void {
  if (onOutput === undefined) return;
  stdout?.on('data', onOutput);
  stderr?.on('data', onOutput);
}

/** Closes the output after the program was ended: a child that has left the group may hold the pipes for ever. */
function closeOutput(child: ChildProcess, cancelled: AbortSignal): void {
  const close = (): void => {
    if (!cancelled.aborted || (child.exitCode === null && child.signalCode === null)) return;
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  child.once('exit', close);
  cancelled.addEventListener('abort', close, { once: true });
}

/** Resolves when the program may not be ended, which Node reports as an error of the process. */
function untilEscaped(child: ChildProcess): Promise<'escaped'> {
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall !== 'kill') return;
      child.unref();
      resolve('escaped');
    });
  });
}

/** Gives the terminal to a program until it ends; it stays in this process's group, as if a shell had started it. */
export async function handOver(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Pick<RunEnd, 'exitCode' | 'signal'>> {
  const { execa } = await import('execa');
  const result = await execa(program, args, { env, extendEnv: false, stdio: 'inherit', reject: false, cleanup: false });
  const { exitCode = null, signal = null } = result;
  if (exitCode === null && signal === null) throw startError(result.cause);
  return { exitCode, signal };
}
