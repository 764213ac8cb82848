import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../domain/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Processes } from './processes.ts';

const TAIL_BYTES = 16_384;

export interface CommandOptions {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Marker in `env` that only this command and what it starts carry. */
  mark: string;
  /** stdout and stderr are appended here. */
  outputFile: string;
  signal: AbortSignal;
  graceMs: number;
  processes: Processes;
  clock: Clock;
}

export interface CommandEnd {
  code: number | null;
  signal: string | null;
  /** Set when the program could not be started at all. */
  startError: string | null;
  /** The end of its output, at most 16 KiB. */
  tail: string;
}

export function exitText(end: CommandEnd): string {
  if (end.startError !== null) return end.startError;
  return end.signal === null ? `exit ${end.code}` : `signal ${end.signal}`;
}

/**
 * Runs a program in its own process group, output straight into a file. Resolves when it has ended and nothing that
 * it started lives any more, in whatever session or group. Aborting ends it: SIGTERM, grace, SIGKILL.
 */
export async function runCommand(options: CommandOptions): Promise<CommandEnd> {
  const { outputFile } = options;
  mkdirSync(path.dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, 'a+', 0o600);
  let ended: Omit<CommandEnd, 'tail'>;
  try {
    ended = await run(options, output);
  } finally {
    closeSync(output);
  }
  // Also after a clean exit: what it left in the background would work on in a worktree that is no longer its own.
  if (ended.startError === null) await options.processes.endMarked(options.mark, options.graceMs);
  return { ...ended, tail: await readTail(outputFile) };
}

function run(
  { argv, cwd, env, signal, graceMs, clock }: CommandOptions,
  output: number,
): Promise<Omit<CommandEnd, 'tail'>> {
  const [program, ...args] = argv;
  if (program === undefined) return Promise.resolve({ code: null, signal: null, startError: 'the command is empty' });
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['ignore', output, output], detached: true });
    let cancelKill = (): void => {};
    const stop = (): void => {
      killGroup(child.pid, 'SIGTERM');
      cancelKill = clock.after(graceMs, () => killGroup(child.pid, 'SIGKILL'));
    };
    const settle = (end: Omit<CommandEnd, 'tail'>): void => {
      signal.removeEventListener('abort', stop);
      cancelKill();
      resolve(end);
    };
    child.once('error', (error) => settle({ code: null, signal: null, startError: errorText(error) }));
    child.once('exit', (code, by) => settle({ code, signal: by, startError: null }));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Gone already: what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readTail(file: string): Promise<string> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  const length = Math.min(size, TAIL_BYTES);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.subarray(0, bytesRead).toString('utf8');
}
