import { existsSync } from 'node:fs';
import { startProblem } from '../../lib/start-error.ts';
import type { Obstacle } from './start-gates.ts';

export interface OwnPrograms {
  /** Node, its flags, and the wrapper's bundle. */
  wrapper: readonly string[];
  /** Null while a server lives, which needs no further process to open a pane. */
  tmux: string | null;
  searchPath: string | undefined;
}

/** The program that every agent needs and that cannot be started; null: none. */
export function ownObstacle({ wrapper: [node = '', ...args], tmux, searchPath }: OwnPrograms): Obstacle | null {
  const bundle = args.find((arg) => !arg.startsWith('-')) ?? '';
  const whole = 'Install swarm anew, or run any of its commands where it sets itself up.';
  if (!existsSync(bundle))
    return { by: 'program', detail: `${bundle}, which swarm runs for each agent, is gone.\n${whole}` };
  const needed = [
    [node, {}, whole],
    ['git', {}, 'Install git.'],
    ...(tmux === null ? [] : [[tmux, { setting: 'tmux.program' }, null] as const]),
  ] as const;
  for (const [program, names, cure] of needed) {
    const problem = startProblem({ program, cwd: '/', searchPath }, names);
    if (problem !== null) return { by: 'program', detail: `${problem.message}.\n${cure ?? problem.hint ?? ''}` };
  }
  return null;
}
