import path from 'node:path';
import type { ErrorClass } from '../../domain/task.ts';
import type { StartError } from '../../lib/start-error.ts';

/**
 * The outcome of a task whose program, or whose verify command, could not be started, with the text that its person
 * reads. Pure.
 */
export function startFailure(
  { message, hint = '', lasting }: StartError,
  task: string,
  whose: 'own' | 'verify',
): { errorClass: ErrorClass; error: string } {
  if (!lasting) return { errorClass: 'setup', error: message };
  const anew = whose === 'own' ? ', or add it anew with the right command' : '';
  return { errorClass: 'program', error: `${message}.\n${hint} Then \`swarm task retry ${task}\`${anew}.` };
}

/**
 * Whether the program lies in the worktree: then the agent can write or mend it; any other one is the person's. Pure.
 */
export function liesIn(worktree: string, program: string): boolean {
  if (!program.includes('/')) return false;
  return `${path.resolve(worktree, program)}/`.startsWith(`${path.resolve(worktree)}/`);
}
