// oxlint-disable-next-line no-restricted-imports -- past execa where its cost shows, see runLean
import { spawn, type ChildProcess } from 'node:child_process';
import { systemClock } from '../lib/clock.ts';
import type { RunEnd, RunOptions } from './run.ts';

/** All output is kept, however much stdout is; when the program is ended, so is the rest of its group. */
export type LeanRunOptions = Pick<RunOptions, 'cwd' | 'env' | 'input' | 'signal' | 'timeoutMs' | 'graceMs'>;

const MOST_STDERR_CHARACTERS = 256 * 1024;

/**
 * `run` for git, which is started for every verb, and five times for a checkpoint. Measured in pairs, in processor time
 * of this process: to load execa takes 30 ms, as much as all of `node -e 0`, so that a cold `swarm status` would take
 * 3.7 times that instead of 2.7, and 3 are allowed; a start by it takes 3.2 ms instead of 1.7, so that a checkpoint of
 * ten files took 54 ms instead of 40, beside 17 for the same in bare git.
 */
export function runLean([program = '', ...args]: readonly string[], options: LeanRunOptions): Promise<RunEnd> {
  const { cwd, env, input, signal, timeoutMs, graceMs = 0 } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const child = spawn(program, args, { cwd, env, stdio: [stdin, 'pipe', 'pipe'], detached: true });
    const stdout: Buffer[] = [];
    let stderr = '';
    let by: RunEnd['by'] = 'itself';
    let cancelKill = (): void => {};
    const end = (why: 'abort' | 'timeout'): void => {
      if (by !== 'itself') return;
      by = why;
      killGroup(child, graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
      cancelKill = systemClock.after(graceMs, () => killGroup(child, 'SIGKILL'));
      closeOutput(child);
    };
    const cancelLimit = timeoutMs === undefined ? undefined : systemClock.after(timeoutMs, () => end('timeout'));
    const abort = (): void => end('abort');
    signal?.addEventListener('abort', abort, { once: true });
    const release = (): void => {
      cancelLimit?.();
      cancelKill();
      signal?.removeEventListener('abort', abort);
    };
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      if (stderr.length < MOST_STDERR_CHARACTERS) stderr += chunk;
    });
    // The program may end before it has read everything; its exit code shows why, EPIPE does not.
    child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') stderr += `stdin: ${error.message}\n`;
    });
    child.stdin?.end(input);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('exit', () => {
      if (by !== 'itself') closeOutput(child);
    });
    child.once('close', (exitCode, killedBy) => {
      release();
      if (by !== 'itself') killGroup(child, 'SIGKILL');
      resolve({ exitCode, signal: killedBy, stdout: Buffer.concat(stdout), stderr, by });
    });
  });
}

/**
 * A child that has left the group may hold the pipes for ever: after the program was ended, no more output is waited
 * for.
 */
function closeOutput({ exitCode, signalCode, stdout, stderr }: ChildProcess): void {
  if (exitCode === null && signalCode === null) return;
  stdout?.destroy();
  stderr?.destroy();
}

/** Kills the group, whose number is not reused as long as a process of it lives. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
