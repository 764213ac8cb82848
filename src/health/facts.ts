import type { AgentDesired, AgentStatus } from '../domain/agent.ts';
import type { Gap } from './awake.ts';
import type { ScreenKind } from '../claude/screen.ts';
import type { WrapperSnapshot } from '../coordination/link.ts';

/** What the supervisor is doing about the agent. */
export interface LifecycleFact {
  /**
   * `none`: nothing; `blocked`: it cannot start before a person has acted; `waiting`: the machine would not bear it;
   * `held`: no agent is started now.
   */
  phase: 'none' | 'waiting' | 'starting' | 'blocked' | 'held' | 'restarting' | 'stopping' | 'failed';
  /** Epoch ms, as all times here. */
  since: number;
  detail: string | null;
  /** When the next try comes. */
  until?: number | null | undefined;
}

export interface PaneState {
  exists: boolean;
  dead: boolean;
  status: number | null;
  signal: number | null;
  pid: number | null;
  /** When tmux last reported it. */
  at: number;
}

/** A way of looking that fails now. It proves nothing about the agent. */
export interface ProbeError {
  /** `tmux`, `process table`, … */
  probe: string;
  message: string;
  since: number;
}

/** What the supervisor observes of an agent itself, beside the wrapper's reports. Times are epoch ms. */
export interface Signs {
  /** When its transcript, or the output of its command, last grew. */
  transcriptAt: number | null;
  /** The programs that its tools, checks and commands run now; null: none. */
  work: {
    count: number;
    /** Names, for people. */
    names: string;
    /** When they were first seen; what they did before is not known. */
    since: number;
    /** When they last used the processor, or read or wrote. */
    activeAt: number | null;
  } | null;
  /** When bytes of an API answer were last seen to arrive; null or absent: none were, or it cannot be observed. */
  answerAt?: number | null;
  /** The content of its pane, where that is known. */
  screen: { kind: ScreenFact; text: string; at: number } | null;
  /** The person at its pane. */
  person: { attached: boolean; lastKeyAt: number | null };
  /** The process of the agent that a signal has stopped. */
  stopped: string | null;
  /** The state that Claude Code wrote into its own file: `busy`, `idle`, `waiting`, and then what it waits for. */
  session: { status: string; at: number; waitsFor?: string } | null;
  /** Resources that all its processes use. */
  use: { processes: number; rssBytes: number; cpuPercent: number } | null;
}

export type ScreenFact = ScreenKind;

/** From when on an agent is in trouble, and of what kind. */
export interface TroubleLimits {
  /** An agent at work without any sign of progress for so long is stuck, ms. */
  stuckAfterMs: number;
  /** A command at work counts as progress for so long, ms. */
  longestCommandMs: number;
  /** So many rounds of the same calls are a loop. */
  loopAfter: number;
}

/** Why an agent is stuck, for the parts that act on it. */
export interface Trouble {
  kind: 'no-progress' | 'abandoned' | 'hang-api' | 'hang-command' | 'long-command' | 'loop';
  /** When it began, epoch ms. */
  since: number;
  /** When the newest evidence was seen. */
  at: number;
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
  limits: TroubleLimits;
  /** Absent: not observed yet. */
  signs?: Signs | undefined;
  /** Times in which the supervisor did not run, and which do not count. */
  gaps?: readonly Gap[] | undefined;
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
  /** Put together when it is asked for. */
  readonly evidence: Evidence[];
  /** When a hold or a backoff ends, epoch ms. */
  until: number | null;
  /** Set while the agent is stuck. */
  trouble: Trouble | null;
}
