/** Agents as people and programs see them. */

export const AGENT_STATUSES = [
  'starting',
  'idle',
  'working',
  'needs-you',
  'paused',
  'held',
  'stuck',
  'recovering',
  'stopping',
  'stopped',
  'failed',
  'unknown',
] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];

/**
 * Beginning of the reason of an agent whose worktree is being set up; the present step, and since when it runs, follow.
 */
export const SETUP_REASON = 'set-up: ';

export const AGENT_KINDS = ['claude', 'shell'] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];
/** Claude Code's permission modes: how much an agent does without asking. */
export const PERMISSION_MODES = ['acceptEdits', 'auto', 'dontAsk', 'plan', 'bypassPermissions', 'manual'] as const;
export type PermissionMode = (typeof PERMISSION_MODES)[number];
/** The person's wish for an agent, which the reconcile loop carries out. */
export type AgentDesired = 'up' | 'paused' | 'stopped';
export const NEEDS_YOU_KINDS = ['permission', 'question', 'trust', 'login', 'settings'] as const;
export type NeedsYouKind = (typeof NEEDS_YOU_KINDS)[number];

export interface Usage {
  costUsd: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheCreationTokens: number;
}

export const NO_USAGE: Readonly<Usage> = {
  costUsd: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
};

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    costUsd: a.costUsd + b.costUsd,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheCreationTokens: a.cacheCreationTokens + b.cacheCreationTokens,
  };
}
