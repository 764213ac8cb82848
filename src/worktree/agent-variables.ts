import type { ProjectLayout } from '../domain/layout.ts';

/** The variables that every program of an agent finds in its environment, set-up and teardown included. */
export function agentVariables(
  { id, worktree, portBase }: { id: string; worktree: string; portBase: number | null },
  { root }: Pick<ProjectLayout, 'root'>,
): Record<string, string> {
  return {
    SWARM_AGENT: id,
    SWARM_WORKTREE: worktree,
    SWARM_ROOT: root,
    ...(portBase === null ? {} : { SWARM_PORT_BASE: String(portBase) }),
  };
}
