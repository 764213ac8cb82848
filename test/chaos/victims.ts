import { readFileSync } from 'node:fs';
import { swarmProcesses, type World } from '../e2e/world.ts';

export const PARTS = ['agent', 'wrapper', 'supervisor', 'broker', 'tmux'] as const;
export type Part = (typeof PARTS)[number];

/** The processes of a swarm, found without asking it. */
export interface Cast {
  supervisor: number | null;
  broker: number | null;
  tmux: number | null;
  wrappers: { agent: string; pid: number; child: number | null }[];
}

/** Finds the processes. `isAgent` tells an agent's command line from those of the wrapper's other children. */
export function castOf(world: World, isAgent: (commandLine: string) => boolean): Cast {
  const living = swarmProcesses(world);
  const pidOf = (test: (commandLine: string) => boolean) =>
    living.find(({ commandLine }) => test(commandLine))?.pid ?? null;
  const agents = living.filter(({ commandLine }) => isAgent(commandLine));
  const wrappers = living.flatMap(({ pid, commandLine }) => {
    const agent = /\/wrapper\.js --spec \S*\/agents\/([^/]+)\.json/.exec(commandLine)?.[1];
    if (agent === undefined) return [];
    return [{ agent, pid, child: agents.find((process) => parentOf(process.pid) === pid)?.pid ?? null }];
  });
  const [wrapper] = wrappers;
  return {
    supervisor: pidOf((line) => line.includes('/supervisor.js --root')),
    broker: pidOf((line) => line.includes('/beam.smp ')),
    // The server and its first client have the same argv: the one whose children the panes are is the server.
    tmux: wrapper === undefined ? null : parentOf(wrapper.pid),
    wrappers,
  };
}

function parentOf(pid: number): number | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
