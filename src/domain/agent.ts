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

/** How the reason of an agent begins whose worktree is being set up; what goes on, and since when, follows. */
export const SETUP_REASON = 'set-up: ';

export type AgentKind = 'claude' | 'shell';
/** What the person wants of an agent; the reconcile loop makes it so. */
export type AgentDesired = 'up' | 'paused' | 'stopped';
export type NeedsYouKind = 'permission' | 'question' | 'trust' | 'login';

/** One thing that waits for a person. */
export interface NeedsYou {
  /** Unique within the agent while it is open. */
  id: string;
  agent: string;
  kind: NeedsYouKind;
  /** The question itself, one line where possible. */
  text: string;
  task: string | null;
  /** permission only: the tool and its input as Claude Code gave them. */
  tool?: string | undefined;
  input?: unknown;
  since: string;
}

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

/** What `status` prints of an agent and `/v1/agents/:id` answers. */
export interface Agent {
  id: string;
  role: string;
  kind: AgentKind;
  status: AgentStatus;
  since: string;
  /** Why this status, for a person. */
  reason: string | null;
  pid: number | null;
  session: string | null;
  pane: string | null;
  worktree: string;
  /** SWARM_PORT_BASE of whatever it runs; null where no block of ports was free. */
  portBase: number | null;
  branch: string | null;
  task: string | null;
  sessionId: string | null;
  restarts: number;
  checkpoint: number | null;
  costUsd: number;
  tokens: number;
  contextPercent: number | null;
  cpuPercent: number | null;
  rssBytes: number | null;
  lastActivityAt: string | null;
  /** Only of the answer to a person's word: what it granted of a budget that was spent, and until when that holds. */
  granted?: string | undefined;
}
