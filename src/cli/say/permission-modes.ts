import type { Agent } from '../../api/agents/schemas.ts';
import type { PermissionMode } from '../../domain/agent.ts';

/** What a permission mode other than the default means, for the person who has chosen it. */
export const MODES: Readonly<Record<Exclude<PermissionMode, 'acceptEdits'>, string>> = {
  auto: 'a model of Claude Code, not you, decides what agents may run, by further requests that cost',
  bypassPermissions: 'agents run everything without asking; only deny rules hold',
  dontAsk: 'what no rule allows is refused without a question',
  manual: 'agents ask before each change',
  plan: 'agents read and plan, and change nothing',
};

/** A line for each mode other than the default, with the agents that have it and its meaning. Pure. */
export function modeLines(agents: readonly Agent[]): string[] {
  return Object.entries(MODES).flatMap(([mode, meaning]) => {
    const having = agents.filter(({ permissionMode }) => permissionMode === mode);
    if (having.length === 0) return [];
    const names = having.length === agents.length ? 'all agents' : having.map(({ id }) => id).join(', ');
    return [`permission mode ${mode}: ${names} (${meaning})`];
  });
}
