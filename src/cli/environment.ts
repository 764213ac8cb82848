import { existsSync } from 'node:fs';
import type { ProjectLayout } from '../domain/layout.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { agentAround } from './context.ts';

/** What ties a process to the pane or agent it was started from; inherited, it would mark the supervisor as an agent's. */
const TIES = new Set([
  'TMUX',
  'TMUX_PANE',
  'SWARM_MARK',
  'SWARM_WRAPPER',
  'SWARM_DEMO_COMMAND',
  'SWARM_AGENT',
  'SWARM_WORKTREE',
  'SWARM_ROOT',
  'SWARM_PORT_BASE',
]);

export function withoutTies(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !TIES.has(name)) kept[name] = value;
  return kept;
}

/**
 * Keeps the environment of the person's shell for everything that is started later, 0600. An agent that runs
 * `swarm up` must not replace the person's by its own.
 */
export async function keepEnvironment(layout: ProjectLayout, env: NodeJS.ProcessEnv): Promise<void> {
  if (agentAround(env) !== null && existsSync(layout.envSnapshot)) return;
  await writeFileAtomic(layout.envSnapshot, JSON.stringify(withoutTies(env)), { mode: 0o600, fsync: false });
}
