import { environmentFor } from '../domain/environment.ts';
import { startErrorOf } from '../lib/start-error.ts';
import { run } from '../process/run.ts';
import { clientProgram, type TmuxAddress } from './client-program.ts';
import { errorOf, TmuxError } from './errors.ts';

export interface RunOptions {
  /** ms (5000) */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** tmux ≥ 3.2 has `new-session -e`, client flags and size control as used here. */
const OLDEST: readonly [major: number, minor: number] = [3, 2];
/** A client passes its command to the server in one message of 16 KiB. */
const LONGEST_BYTES = 16_000;

/** Runs one command by a process of its own (3 ms), for callers without a control client. Never starts a server. */
export async function runTmux(
  { program, socket }: TmuxAddress,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const bytes = argv.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (bytes > LONGEST_BYTES) {
    throw new TmuxError(
      'tmux-too-long',
      `tmux ${argv[0]}: ${bytes} bytes are more than a client can send (${LONGEST_BYTES})`,
      { reached: 'no' },
    );
  }
  return start(clientProgram({ program, socket }), ['-N', '-u', '-S', socket, ...argv], argv[0] ?? '', options);
}

export interface TmuxVersion {
  major: number;
  minor: number;
  /** tmux's own form: `3.3a`. */
  text: string;
}

/**
 * Checks that there is a tmux of a sufficient version.
 * @throws TmuxError `no-tmux`, `old-tmux`, both with the cure
 */
export async function inspectTmux(program: string, options: RunOptions = {}): Promise<TmuxVersion> {
  const said = await start(program, ['-V'], '-V', options);
  const version = parseVersion(said);
  const [major, minor] = OLDEST;
  if (version.major > major || (version.major === major && version.minor >= minor)) return version;
  throw new TmuxError('old-tmux', `tmux ${version.text} is too old, swarm needs ${major}.${minor} or newer`, {
    reached: 'no',
    hint: installHint(),
  });
}

/** Parses `tmux 3.3a`, `tmux next-3.5`, `tmux openbsd-7.4`, `tmux master`: a version without a number counts as new. */
export function parseVersion(said: string): TmuxVersion {
  const text = said.trim().replace(/^tmux\s+/, '');
  const match = /^(?:next-)?(\d+)\.(\d+)/.exec(text);
  return match === null
    ? { major: Number.MAX_SAFE_INTEGER, minor: 0, text }
    : { major: Number(match[1]), minor: Number(match[2]), text };
}

/** The error for a tmux that cannot be started; null: it was started, or a later start may succeed. */
export function noTmux(program: string, cause: unknown): TmuxError | null {
  const place = { program, cwd: '/', searchPath: process.env['PATH'] };
  const install = process.platform === 'darwin' ? 'brew install tmux' : 'sudo apt install tmux';
  const problem = startErrorOf(cause, place, { setting: 'tmux.program', install });
  if (problem?.lasting !== true) return null;
  const hint = program === 'tmux' ? installHint() : problem.hint;
  const message = `tmux cannot be started as "${program}": ${problem.reason}`;
  return new TmuxError('no-tmux', message, { reached: 'no', hint, cause });
}

function installHint(): string {
  return process.platform === 'darwin'
    ? 'Install it with `brew install tmux`.'
    : 'Install it, for example with `sudo apt install tmux` or `sudo dnf install tmux`.';
}

async function start(
  program: string,
  argv: readonly string[],
  doing: string,
  { timeoutMs = 5000, signal }: RunOptions,
): Promise<string> {
  const env = environmentFor('swarm', process.env);
  const end = await run([program, ...argv], { env, timeoutMs, signal }).catch((cause: NodeJS.ErrnoException) => {
    signal?.throwIfAborted();
    throw noTmux(program, cause) ?? errorOf(cause.message, doing);
  });
  if (end.by === 'abort') throw signal?.reason as Error;
  if (end.by === 'timeout')
    throw new TmuxError('tmux-timeout', `tmux ${doing}: no answer within ${timeoutMs} ms`, { reached: 'maybe' });
  if (end.exitCode === 0) return end.stdout.toString();
  throw errorOf(end.stderr === '' ? `it ended with ${end.signal ?? `exit code ${end.exitCode}`}` : end.stderr, doing);
}
