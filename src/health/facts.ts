import type { AgentDesired, AgentStatus } from '../domain/agent.ts';
import type { WrapperSnapshot } from '../coordination/link.ts';

/** What the supervisor is doing about the agent. */
export interface LifecycleFact {
  /** `none`: nothing; `blocked`: it cannot start before a person has acted. */
  phase: 'none' | 'starting' | 'blocked' | 'restarting' | 'stopping' | 'failed';
  /** Epoch ms, as all times here. */
  since: number;
  detail: string | null;
  /** When it will be tried again. */
  until?: number | null | undefined;
}

export interface PaneState {
  exists: boolean;
  dead: boolean;
  status: number | null;
  signal: number | null;
  pid: number | null;
  /** When tmux last told so. */
  at: number;
}

/** A way of looking that fails now. It says nothing about the agent. */
export interface ProbeError {
  /** `tmux`, `process table`, … */
  probe: string;
  message: string;
  since: number;
}

export interface HealthFacts {
  desired: AgentDesired;
  lifecycle: LifecycleFact;
  /** Null: not looked yet. */
  pane: PaneState | null;
  /** `since`: the last change of `connected`. */
  link: { connected: boolean; since: number; lastSeenAt: number | null };
  snapshot: WrapperSnapshot | null;
  snapshotAt: number | null;
  probeError?: ProbeError | null | undefined;
  /** Work without any sign of progress for so long is stuck, ms. */
  stuckAfterMs: number;
}

export interface Evidence {
  fact: string;
  value: string;
  /** How old the fact is; null where that has no meaning. */
  ageMs: number | null;
}

export interface Judgement {
  status: AgentStatus;
  /** For a person; empty where the status says it all. */
  reason: string;
  /** Name of the rule that fired. */
  rule: string;
  evidence: Evidence[];
  /** When a hold or a backoff ends, epoch ms. */
  until: number | null;
}
