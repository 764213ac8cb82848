import {
  addUsage,
  NO_USAGE,
  type AgentDesired,
  type AgentKind,
  type AgentStatus,
  type Usage,
} from '../../domain/agent.ts';
import type { AgentSpec, WrapperSnapshot } from '../../coordination/link.ts';
import type { Crossing, Signs, Trouble } from '../../health/index.ts';
import type { Lifecycle, Situation } from './lifecycle.ts';

/** The stored part of an agent. */
export interface AgentRow {
  readonly id: string;
  readonly role: string;
  readonly kind: AgentKind;
  readonly desired: AgentDesired;
  readonly sessionId: string | null;
  readonly restarts: number;
  /** Totals of all ended wrappers. */
  readonly usage: Readonly<Usage>;
}

/** The pane with this agent's mark, as tmux reports it. */
export interface PaneView {
  readonly pane: string;
  readonly session: string;
  /** Null: tmux does not tell it, of a dead pane. */
  readonly pid: number | null;
  readonly dead: boolean;
  readonly status: number | null;
  readonly signal: number | null;
  /** Clients that are attached to its session now. */
  readonly clients: number;
}

/** Reports of tmux and of its wrapper about an agent; times in epoch ms. */
export interface Observed {
  pane: PaneView | null;
  /** When tmux last reported the pane, or its absence. */
  paneSeenAt: number;
  linked: boolean;
  /** The last change of `linked`. */
  linkSince: number;
  /** When the link was lost or the pane started: the start of the silence. */
  silentSince: number;
  snapshot: WrapperSnapshot | null;
  snapshotAt: number;
}

/** The reconcile loop's own facts about an agent's steps, of which one at a time is under way. */
export interface StepState {
  busy: boolean;
  /** A person has ordered a start while a step was under way, which may have looked before the person acted. */
  askedMeanwhile: boolean;
  /** Work in its worktree that waits for its step to end: each stops the agent first. */
  queuedWork: readonly (() => Promise<Lifecycle>)[];
  /** Whether `observed.pane` is tmux's answer after the last step. */
  paneKnown: boolean;
  /** Number of its last step among all of the fleet: looks that began earlier do not count for it. */
  ended: number;
  /** Number of failed steps in a row, and the reason of the last one. */
  failed: { readonly count: number; readonly detail: string };
  /** Aborts the part of a step that may take long, while there is one. */
  interrupt: AbortController | null;
  /** Guards one order at a time of pause and resume. */
  pauseOrdered: boolean;
}

/** An agent's status, as `swarm status` shows it. */
export interface Verdict {
  status: AgentStatus;
  /** When the status began, epoch ms. */
  since: number;
  reason: string | null;
  /** Why it is stuck, while it is. */
  trouble: Trouble | null;
}

/** A reason not to start an agent now; epoch ms. */
export interface StartHold {
  readonly detail: string;
  readonly until: number | null;
}

/**
 * The writer of each part of a record. All other rooms read it and ask the writer for a change, by a method with a
 * name: `roster.wants(record, 'paused')`.
 */
interface Parts {
  /** `fleet/roster.ts`: its identity, and its wanted state. */
  roster: {
    row: AgentRow;
    /** The spec with which its wrapper was started, maybe by an earlier supervisor; null where that is not known. */
    spec: AgentSpec | null;
  };
  /** `fleet/`: its lifecycle, and how it came there. */
  fleet: {
    lifecycle: Lifecycle;
    observed: Observed;
    step: StepState;
    /** Deaths within the restart window, epoch ms. */
    deaths: readonly number[];
    /** When its session vanished within that window: not its own failure, yet no reason to start it at full speed. */
    vanished: readonly number[];
  };
  /** `watch/`: observations and measurements. */
  watch: {
    /** Undefined before the first look. */
    signs: Signs | undefined;
    /** Limits that it crosses now, for people. */
    crossings: readonly Crossing[];
  };
  /** `watch/judge.ts`: the verdict on all of that. */
  judge: { verdict: Verdict };
  /** `holds/`: the hold of the whole fleet that keeps it from being started; null: none. */
  holds: { startHold: StartHold | null };
}

type AsRead<Part> = { readonly [Name in keyof Part]: Readonly<Part[Name]> };

/** One agent in the supervisor's memory: the row of the store and everything observed. */
export interface AgentRecord
  extends
    AsRead<Parts['roster']>,
    AsRead<Parts['fleet']>,
    AsRead<Parts['watch']>,
    AsRead<Parts['judge']>,
    AsRead<Parts['holds']> {
  readonly id: string;
  readonly worktree: string;
  /** Token by which its wrapper is known. */
  readonly token: string;
  /** First port of its block; null where none was free. */
  readonly portBase: number | null;
}

/** A record in the hands of the writer of one part. Only that room names this type. */
export type WrittenBy<Writer extends keyof Parts> = AgentRecord & Parts[Writer];

/** The record of an agent of which only the row and the place are known. @param now epoch ms */
export function newRecord(
  known: Pick<AgentRecord, 'row' | 'worktree' | 'token' | 'spec' | 'portBase'>,
  now: number,
): AgentRecord {
  return {
    ...known,
    id: known.row.id,
    lifecycle: { phase: 'none', since: now },
    observed: {
      pane: null,
      paneSeenAt: now,
      linked: false,
      linkSince: now,
      silentSince: now,
      snapshot: null,
      snapshotAt: 0,
    },
    step: {
      busy: false,
      askedMeanwhile: false,
      queuedWork: [],
      paneKnown: false,
      ended: 0,
      failed: { count: 0, detail: '' },
      interrupt: null,
      pauseOrdered: false,
    },
    deaths: [],
    vanished: [],
    signs: undefined,
    crossings: [],
    verdict: { status: 'unknown', since: now, reason: null, trouble: null },
    startHold: null,
  };
}

/** Whether no process of it is left, as far as tmux was asked, and no step is under way. */
export function isQuiet({ step, lifecycle, observed }: AgentRecord): boolean {
  return !step.busy && step.queuedWork.length === 0 && lifecycle.phase === 'none' && observed.pane === null;
}

/** Money and tokens over the agent's whole life. */
export function usageOf({ row, observed }: Pick<AgentRecord, 'row' | 'observed'>): Usage {
  return addUsage(row.usage, observed.snapshot?.usage ?? NO_USAGE);
}

/** The facts from which its next step is decided. */
export function situationOf({ lifecycle, observed, step, startHold }: AgentRecord): Situation {
  const { pane, linked, silentSince } = observed;
  const seen = pane === null ? null : { dead: pane.dead, ending: describeEnding(pane) };
  return { lifecycle, pane: seen, linked, silentSince, busy: step.busy, startHeld: startHold !== null };
}

/** How a dead pane's program ended; null while it lives, or where tmux cannot tell. */
function describeEnding({ dead, status, signal }: PaneView): string | null {
  if (!dead) return null;
  if (signal !== null) return `signal ${signal}`;
  return status === null ? null : `exit ${status}`;
}
