import type { ChildProcess } from 'node:child_process';
import type { Options } from 'execa';
import { timeLimit } from '../lib/clock.ts';

/**
 * The one door to programs that are started and waited for. Each gets a process group of its own: what it has started in
 * that group ends with it, and a Ctrl-C for us is not for it. Only arrays of arguments, never a shell's text.
 */
export interface RunOptions {
  cwd?: string | undefined;
  /** All of its environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** What it reads on its stdin, to which it may be deaf; without it there is nothing to read. */
  input?: string | Uint8Array | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** Ends it, ms. */
  timeoutMs?: number | undefined;
  /** Between SIGTERM and SIGKILL when it is ended, ms. 0 (the default): SIGKILL at once. */
  graceMs?: number | undefined;
  /** `keep` (the default): it is given back. A file descriptor takes stdout and stderr. `inherit`: they are ours. */
  output?: 'keep' | 'ignore' | 'inherit' | number | undefined;
  /** Hears stdout and stderr, where they are kept, as they come. */
  onOutput?: ((chunk: Buffer) => void) | undefined;
  /** More than this of stdout or stderr ends it, bytes (64 MiB). */
  mostBytes?: number | undefined;
  /**
   * What lives on in its group when it has ended: killed where we ended it (the default), killed whatever ended it, or
   * left to a caller who looks further than the group.
   */
  leftovers?: 'end' | 'always-end' | 'spare' | undefined;
}

export interface RunEnd {
  /** Null: a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: string;
  /** The first reason. `escaped`: it may not be ended (another user's, as through sudo), and is waited for no longer. */
  by: 'itself' | 'abort' | 'timeout' | 'output' | 'escaped';
}

/** As `run` itself and what stands in for it. */
export type Run = (argv: readonly string[], options: RunOptions) => Promise<RunEnd>;

const MOST_BYTES = 64 * 1024 * 1024;
const ESCAPED = { exitCode: null, signal: null, stdout: Buffer.alloc(0), stderr: '' };

/**
 * Resolves when the program has ended and nothing holds its output any more; when it was ended, with its own end.
 * @throws the system's error (`ENOENT`, `EACCES`, `E2BIG`, …) when it could not be started; the signal's reason when it
 *   was not, because that was aborted before
 */
export const run: Run = async (argv, options) => {
  const { signal, timeoutMs, leftovers = 'end' } = options;
  signal?.throwIfAborted();
  const deadline = timeoutMs === undefined ? undefined : timeLimit(timeoutMs);
  const cancelSignal = AbortSignal.any([signal, deadline].filter((one) => one !== undefined));
  const [program = '', ...args] = argv;
  // Loaded here: it costs a verb that starts nothing 30 ms.
  const { execa } = await import('execa');
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
  // Its types know of small descriptors alone.
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
    // It takes whole ones up to what a timer can hold.
    forceKillAfterDelay: graceMs === 0 ? false : Math.ceil(Math.min(graceMs, 2 ** 31 - 1)),
    killDescendants: true,
    // By those who asked for it, and not by the end of the process that they are in.
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

/** What has left the group may hold the pipes for ever: after the end that was asked for, nothing more is waited for. */
function closeOutput(child: ChildProcess, cancelled: AbortSignal): void {
  const close = (): void => {
    if (!cancelled.aborted || (child.exitCode === null && child.signalCode === null)) return;
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  child.once('exit', close);
  cancelled.addEventListener('abort', close, { once: true });
}

/** Told as an error of the process that may not be ended. */
function untilEscaped(child: ChildProcess): Promise<'escaped'> {
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall !== 'kill') return;
      child.unref();
      resolve('escaped');
    });
  });
}

/** Gives the terminal to a program until it ends; it stays in our process group, as one that a shell starts. */
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
