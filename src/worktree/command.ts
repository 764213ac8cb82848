import { closeSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { StartError, startProblemOf, type ProgramNames } from '../lib/start-error.ts';
import { run } from '../process/run.ts';
import type { Processes } from './processes.ts';

const TAIL_BYTES = 16_384;

export interface CommandOptions {
  argv: readonly string[];
  /** How errors name the program and the setting that it comes from. */
  names?: ProgramNames;
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Mark in `env` that only this command and its children carry. */
  mark: string;
  /** stdout and stderr are appended here. */
  outputFile: string;
  signal: AbortSignal;
  graceMs: number;
  processes: Processes;
}

export interface CommandEnd {
  code: number | null;
  signal: string | null;
  /** Set when the program could not be started at all, or was a script whose interpreter is missing. */
  startError: StartError | null;
  /** The end of its output, at most 16 KiB. */
  tail: string;
}

export function exitText(end: CommandEnd): string {
  if (end.startError !== null) return end.startError.message;
  return end.signal === null ? `exit ${end.code}` : `signal ${end.signal}`;
}

/**
 * Runs a program in its own process group, output straight into a file. Resolves when it has ended and none of its
 * processes lives any more, in whatever session or group. Aborting ends it: SIGTERM, grace, SIGKILL.
 */
export async function runCommand(options: CommandOptions): Promise<CommandEnd> {
  const { outputFile } = options;
  mkdirSync(path.dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, 'a+', 0o600);
  let ended: Omit<CommandEnd, 'tail'>;
  try {
    ended = await start(options, output);
  } finally {
    closeSync(output);
  }
  // Also after a clean exit: a process in the background would work on in a worktree that is no longer its own.
  if (ended.code !== null || ended.signal !== null) await options.processes.endMarked(options.mark, options.graceMs);
  return { ...ended, tail: await readTail(outputFile) };
}

async function start(
  { argv, names, cwd, env, signal, graceMs }: CommandOptions,
  output: number,
): Promise<Omit<CommandEnd, 'tail'>> {
  const place = { program: argv[0] ?? '', cwd, searchPath: env['PATH'] };
  try {
    // The rest of its group ends with everything else that carries the mark, after a grace of its own.
    const end = await run(argv, { cwd, env, signal, graceMs, output, leftovers: 'spare' });
    return { code: end.exitCode, signal: end.signal, startError: startProblemOf(end.exitCode, place, names) };
  } catch (error) {
    return { code: null, signal: null, startError: new StartError(place, error, names) };
  }
}

async function readTail(file: string): Promise<string> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  const length = Math.min(size, TAIL_BYTES);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.subarray(0, bytesRead).toString('utf8');
}
