import { execFile } from 'node:child_process';
import { environmentFor } from '../domain/environment.ts';
import { errorOf, TmuxError } from './errors.ts';

export interface TmuxAddress {
  program: string;
  /** Path of the server's socket. */
  socket: string;
}

export interface RunOptions {
  /** ms (5000) */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** tmux ≥ 3.2 has `new-session -e`, client flags and size control as used here. */
const OLDEST: readonly [major: number, minor: number] = [3, 2];
/** A client passes its command to the server in one message of 16 KiB. */
const LONGEST_BYTES = 16_000;

/** One command by a process of its own (3 ms), for who has no control client. Never starts a server. */
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
  return run(program, ['-N', '-u', '-S', socket, ...argv], argv[0] ?? '', options);
}

export interface TmuxVersion {
  major: number;
  minor: number;
  /** As tmux says it: `3.3a`. */
  text: string;
}

/**
 * Is there a tmux that will do?
 * @throws TmuxError `no-tmux`, `old-tmux`, both with the cure
 */
export async function inspectTmux(program: string, options: RunOptions = {}): Promise<TmuxVersion> {
  const said = await run(program, ['-V'], '-V', options);
  const version = parseVersion(said);
  const [major, minor] = OLDEST;
  if (version.major > major || (version.major === major && version.minor >= minor)) return version;
  throw new TmuxError('old-tmux', `tmux ${version.text} is too old, swarm needs ${major}.${minor} or newer`, {
    reached: 'no',
    hint: installHint(),
  });
}

/** `tmux 3.3a`, `tmux next-3.5`, `tmux openbsd-7.4`, `tmux master`: what bears no number of its own is taken as new. */
export function parseVersion(said: string): TmuxVersion {
  const text = said.trim().replace(/^tmux\s+/, '');
  const match = /^(?:next-)?(\d+)\.(\d+)/.exec(text);
  return match === null
    ? { major: Number.MAX_SAFE_INTEGER, minor: 0, text }
    : { major: Number(match[1]), minor: Number(match[2]), text };
}

export function noTmux(program: string, cause: unknown): TmuxError {
  return new TmuxError('no-tmux', `tmux cannot be started as "${program}"`, {
    reached: 'no',
    hint: installHint(),
    cause,
  });
}

function installHint(): string {
  return process.platform === 'darwin'
    ? 'Install it with `brew install tmux`.'
    : 'Install it, for example with `sudo apt install tmux` or `sudo dnf install tmux`.';
}

function run(
  program: string,
  argv: readonly string[],
  doing: string,
  { timeoutMs = 5000, signal }: RunOptions,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(
    program,
    argv,
    {
      env: environmentFor('swarm', process.env),
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
      ...(signal === undefined ? {} : { signal }),
    },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === ('ENOENT' as unknown) || error.code === ('EACCES' as unknown)) {
        reject(noTmux(program, error));
      } else if (signal?.aborted === true) reject(signal.reason as Error);
      else if (error.killed === true) {
        reject(
          new TmuxError('tmux-timeout', `tmux ${doing}: no answer within ${timeoutMs} ms`, {
            reached: 'maybe',
            cause: error,
          }),
        );
      } else reject(errorOf(stderr === '' ? error.message : stderr, doing));
    },
  );
  return promise;
}
