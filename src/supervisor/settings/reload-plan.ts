import { isDeepStrictEqual } from 'node:util';
import type { Config, RoleConfig } from '../../config/index.ts';

/** Keys on which parts of a running swarm are built: they change with its next `up` only. */
const FIXED = ['worktree.dir', 'worktree.ports', 'broker.url', 'tmux.program'] as const;

export interface ReloadPlan {
  /** The settings from now on: the new ones, with the fixed keys unchanged. */
  config: Config;
  /** Keys that change now, as they are written in the file. */
  changed: string[];
  /** Keys that differ in the file, and that wait for the next `down` and `up`. */
  later: string[];
  /** Roles whose number of agents the file changes: new and removed ones, and those with another count. */
  recount: string[];
}

/** Plans the change of a running swarm to a changed swarm.yaml. Pure. */
export function planReload(current: Config, next: Config): ReloadPlan {
  const { dir, ports } = current.worktree;
  const config: Config = {
    ...next,
    worktree: { ...next.worktree, dir, ports },
    broker: current.broker,
    tmux: current.tmux,
  };
  const counts = [current, next].map(
    ({ agents }) => new Map(Object.entries(agents).map(([k, { count }]) => [k, count])),
  );
  const [before = new Map(), after = new Map()] = counts;
  const roles = [...new Set([...before.keys(), ...after.keys()])];
  const differs = differences(current, next);
  const isFixed = (key: string): boolean => FIXED.some((name) => key === name || key.startsWith(`${name}.`));
  return {
    config,
    changed: differs.filter((key) => !isFixed(key)),
    later: differs.filter(isFixed),
    recount: roles.filter((role) => before.get(role) !== after.get(role)),
  };
}

/** Keys that differ, as in the file; a part on one side only is named as a whole. */
function differences(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isSection(before) || !isSection(after)) return [path.join('.')];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => differences(before[key], after[key], [...path, key]));
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How much Claude Code does without asking, by its permission mode. */
const FREEDOM: Record<RoleConfig['permissionMode'], number> = {
  plan: 0,
  manual: 1,
  dontAsk: 1,
  acceptEdits: 2,
  auto: 3,
  bypassPermissions: 4,
};
/** The permissions of a role that sets none. */
const PLAIN: Pick<RoleConfig, 'permissionMode' | 'allow' | 'deny'> = {
  permissionMode: 'acceptEdits',
  allow: [],
  deny: [],
};

/**
 * Permissions and spending that the new settings allow without asking and the old ones did not. The file can come with
 * any merge or pull, so a person must agree by `up`. Pure.
 */
export function widenings(current: Config, next: Config): string[] {
  const [before = Infinity, after = Infinity] = [current.budget.usd, next.budget.usd];
  const budget = after > before ? [`budget.usd ${next.budget.usd ?? 'without limit'}`] : [];
  const ofRoles = Object.entries(next.agents).flatMap(([role, settings]) => {
    if (settings.kind === 'shell') return [];
    const before = current.agents[role] ?? PLAIN;
    const allows = settings.allow.filter((rule) => !before.allow.includes(rule)).map((rule) => `allow ${rule}`);
    const undenied = before.deny
      .filter((rule) => !settings.deny.includes(rule))
      .map((rule) => `no longer deny ${rule}`);
    const freer = FREEDOM[settings.permissionMode] > FREEDOM[before.permissionMode];
    const mode = freer ? [`permissionMode ${settings.permissionMode}`] : [];
    return [...allows, ...undenied, ...mode].map((what) => `agents.${role}: ${what}`);
  });
  return [...budget, ...ofRoles];
}
