import type { Base } from '../project/project.ts';
import type { UpRequest } from '../../api/swarm/schemas.ts';
import { CONFIG_FILE, type Config } from '../../config/index.ts';
import type { AgentKind } from '../../domain/agent.ts';
import { SwarmError } from '../../domain/errors.ts';

export interface WantedAgent {
  id: string;
  role: string;
  kind: AgentKind;
  desired: 'up' | 'stopped';
}

export interface KnownAgent {
  id: string;
  role: string;
  kind: AgentKind;
  desired: 'up' | 'paused' | 'stopped';
}

/** The role whose number `up N` sets. */
export const WORKER_ROLE = 'worker';

/**
 * The agents that should be up after `swarm up [N]`: N workers; without a number, those that were up before; or the
 * counts of the config, which also apply to a role that is new there. Workers beyond N are stopped (their worktrees and
 * conversations stay). Pure.
 */
export function wantedAgents(config: Config, known: readonly KnownAgent[], request: UpRequest): WantedAgent[] {
  const wanted: WantedAgent[] = [];
  const wasUp = known.filter((agent) => agent.desired !== 'stopped');
  const goesOn = wasUp.some((agent) => config.agents[agent.role] !== undefined);
  for (const [role, settings] of Object.entries(config.agents)) {
    const ofRole = wasUp.filter((agent) => agent.role === role);
    const asked = role === WORKER_ROLE ? request.workers : undefined;
    const isNew = !known.some((agent) => agent.role === role);
    const ids =
      asked === undefined && goesOn && !isNew
        ? ofRole.map((agent) => agent.id)
        : numbered(role, asked ?? settings.count);
    for (const id of ids) wanted.push({ id, role, kind: settings.kind, desired: 'up' });
    const surplus = ofRole.filter((agent) => !ids.includes(agent.id));
    for (const { id } of surplus) wanted.push({ id, role, kind: settings.kind, desired: 'stopped' });
  }
  // An agent whose role is gone cannot be started.
  for (const { id, role, kind } of wasUp)
    if (config.agents[role] === undefined) wanted.push({ id, role, kind, desired: 'stopped' });
  const mayGrow = Object.values(config.agents).some(({ scale }) => scale !== undefined);
  if (!mayGrow && !wanted.some((agent) => agent.desired === 'up')) {
    throw new SwarmError('no-agents', 'swarm.yaml wants no agents at all', {
      hint: 'Say how many: `swarm up 3`.',
      exitCode: 2,
    });
  }
  return wanted;
}

/**
 * The agents that should be up when the file has changed the counts of these roles, as `up` would have it for new ones;
 * existing agents stay as they are. Pure.
 */
export function recounted(config: Config, known: readonly KnownAgent[], roles: readonly string[]): WantedAgent[] {
  return roles.flatMap((role) => {
    const { count = 0, kind } = config.agents[role] ?? {};
    const ids = numbered(role, count);
    const there = known.filter((agent) => agent.role === role && agent.desired !== 'stopped');
    const started = ids.filter((id) => !there.some((agent) => agent.id === id));
    const stopped = there.filter((agent) => !ids.includes(agent.id));
    return [
      ...started.map((id) => ({ id, role, kind: kind ?? 'claude', desired: 'up' as const })),
      ...stopped.map((agent) => ({ id: agent.id, role, kind: agent.kind, desired: 'stopped' as const })),
    ];
  });
}

function numbered(role: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index + 1}`);
}

export function baseNotes(
  base: Base,
  dirty: { count: number; names: readonly string[] },
  includeDirty: boolean,
): string[] {
  const notes: string[] = [];
  const where = base.branch === null ? `commit ${base.commit.slice(0, 10)} (detached HEAD)` : `branch ${base.branch}`;
  // The settings are read from the checkout, whether committed or not.
  const onlySettings = dirty.count === 1 && dirty.names[0] === CONFIG_FILE;
  if (dirty.count > 0 && (includeDirty || !onlySettings)) {
    const names = dirty.names.slice(0, 3).join(', ') + (dirty.count > 3 ? ', …' : '');
    notes.push(
      includeDirty
        ? `${dirty.count} uncommitted change(s) (${names}) are part of what the agents see`
        : `${dirty.count} uncommitted change(s) (${names}) are not in the worktrees, which start from ${where}; commit them, or run \`swarm up --include-dirty\``,
    );
  }
  if (base.branch === null && !includeDirty)
    notes.push(`HEAD is detached: tasks start from ${where}, and merge needs --into BRANCH`);
  return notes;
}

/** What a snapshot of the person's checkout could not take up. Pure. */
export function leftOutNotes(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [
    `not part of what the agents see: ${names.join(', ')} (a worktree, or a repository without an entry in .gitmodules, or not readable)`,
  ];
}
