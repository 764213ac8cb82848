import { isDeepStrictEqual } from 'node:util';
import type { Config, RoleConfig } from '../../config/index.ts';

/** What is built on them is there for as long as the swarm is up. */
const FIXED = ['worktree.dir', 'worktree.ports', 'broker.url', 'tmux.program'] as const;

export interface ReloadPlan {
  /** What counts from now on: the new settings, with the fixed ones of before. */
  config: Config;
  /** Keys that change now, as they are written in the file. */
  changed: string[];
  /** Keys that the file has otherwise, and that wait for the next `down` and `up`. */
  later: string[];
  /** Roles whose number of agents the file changes: new and removed ones, and those with another count. */
  recount: string[];
}

/** What a changed swarm.yaml means for a swarm that is up. Pure. */
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

/** Keys that differ, in the words of the file; what is there on one side only is named as a whole. */
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
  bypassPermissions: 3,
};
/** What a role that says nothing may do. */
const PLAIN: Pick<RoleConfig, 'permissionMode' | 'allow' | 'deny'> = {
  permissionMode: 'acceptEdits',
  allow: [],
  deny: [],
};

/**
 * What the new settings let agents do, or spend, without asking that the old ones did not: it can come with any merge or pull, so
 * that a person has to say `up` to it. Pure.
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
