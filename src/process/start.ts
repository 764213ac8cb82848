// oxlint-disable-next-line no-restricted-imports -- programs that live on: with the terminal, or after this process
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { StartError, type ProgramNames } from '../lib/start-error.ts';

export type StartOptions = Omit<SpawnOptions, 'cwd' | 'env'> & { cwd: string; env: Readonly<Record<string, string>> };

/**
 * Known at once, so that a program that never ran is not taken for a running one; the reason follows within the same
 * moment.
 */
export type Begun = { child: ChildProcess & { readonly pid: number } } | { failed: Promise<StartError> };

/** Starts a program; Node reports some failures by an exception, others by an event. */
export function startProgram(argv: readonly string[], options: StartOptions, names: ProgramNames = {}): Begun {
  const [program = '', ...args] = argv;
  const error = (cause: unknown): StartError =>
    new StartError({ program, cwd: options.cwd, searchPath: options.env['PATH'] }, cause, names);
  let child: ChildProcess;
  try {
    child = spawn(program, args, { ...options, env: { ...options.env } });
  } catch (cause) {
    return { failed: Promise.resolve(error(cause)) };
  }
  if (isRunning(child)) return { child };
  return { failed: once(child, 'error').then(([cause]) => error(cause)) };
}

function isRunning(child: ChildProcess): child is ChildProcess & { readonly pid: number } {
  return child.pid !== undefined;
}
