// oxlint-disable-next-line no-restricted-imports -- what lives on: with our terminal, or longer than we
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { StartError, type ProgramNames } from '../lib/start-error.ts';

export type StartOptions = Omit<SpawnOptions, 'cwd' | 'env'> & { cwd: string; env: Readonly<Record<string, string>> };

/** Known at once, so that nobody takes for running what never did; the reason follows within the same moment. */
export type Begun = { child: ChildProcess & { readonly pid: number } } | { failed: Promise<StartError> };

/** Starts a program; Node tells of some failures by an exception, of others by an event. */
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
