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

/** What the store keeps of an agent. */
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

/** What tmux says of the pane that bears this agent's mark. */
export interface PaneView {
  readonly pane: string;
  readonly session: string;
  readonly pid: number;
  readonly dead: boolean;
  readonly status: number | null;
  readonly signal: number | null;
  /** Clients that look at its session now. */
  readonly clients: number;
}

/** What tmux and its wrapper say of an agent; times in epoch ms. */
export interface Observed {
  pane: PaneView | null;
  /** When tmux last told of the pane, or of its absence. */
  paneSeenAt: number;
  linked: boolean;
  /** The last change of `linked`. */
  linkSince: number;
  /** When the link was lost or the pane started: the start of the silence. */
  silentSince: number;
  snapshot: WrapperSnapshot | null;
  snapshotAt: number;
}

/** What the reconcile loop remembers of its steps for an agent, of which one at a time is under way. */
export interface StepState {
  busy: boolean;
  /** A person has asked for it while a step was under way, which may have looked at what was before. */
  askedMeanwhile: boolean;
  /** Work in its worktree that waits for its step to end: each stops the agent first. */
  queuedWork: readonly (() => Promise<Lifecycle>)[];
  /** Whether `observed.pane` is what tmux said after the last step. */
  paneKnown: boolean;
  /** Which step of the whole fleet its last one was: looks that began earlier do not count for it. */
  ended: number;
  /** Steps that failed one after the other, and why the last one did. */
  failed: { readonly count: number; readonly detail: string };
  /** Ends what of a step may take long, while there is such a thing. */
  interrupt: AbortController | null;
  /** Guards one order at a time of pause and resume. */
  pauseOrdered: boolean;
}

/** How an agent stands in the eyes of `swarm status`. */
export interface Verdict {
  status: AgentStatus;
  /** When the status began, epoch ms. */
  since: number;
  reason: string | null;
  /** Why it is stuck, while it is. */
  trouble: Trouble | null;
}

/** Keeps an agent from being started; epoch ms. */
export interface StartHold {
  readonly detail: string;
  readonly until: number | null;
}

/**
 * Who writes which part of a record. Everyone else reads it and asks the writer for a change, by a method with a name:
 * `roster.wants(record, 'paused')`.
 */
interface Parts {
  /** `fleet/roster.ts`: who it is, and what it is to be. */
  roster: {
    row: AgentRow;
    /** What its wrapper was started with, maybe by an earlier supervisor; null where that is not known. */
    spec: AgentSpec | null;
  };
  /** `fleet/`: where it stands, and how it came there. */
  fleet: {
    lifecycle: Lifecycle;
    observed: Observed;
    step: StepState;
    /** Deaths within the restart window, epoch ms. */
    deaths: readonly number[];
    /** When its session vanished within that window: not its own failure, yet no reason to start it at full speed. */
    vanished: readonly number[];
  };
  /** `watch/`: what is seen of it by looking, and measured. */
  watch: {
    /** Undefined before the first look. */
    signs: Signs | undefined;
    /** Limits that it crosses now, for people. */
    crossings: readonly Crossing[];
  };
  /** `watch/judge.ts`: what follows from all of that. */
  judge: { verdict: Verdict };
  /** `holds/`: what holds the whole fleet and keeps it from being started; null: nothing. */
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
  /** By which its wrapper is known. */
  readonly token: string;
  /** First port of its block; null where none was free. */
  readonly portBase: number | null;
}

/** A record in the hands of the writer of one part. Only that room names this type. */
export type WrittenBy<Writer extends keyof Parts> = AgentRecord & Parts[Writer];

/** An agent of which nothing is known yet but its row and its place. @param now epoch ms */
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

/** Nothing of it is left that runs, as far as tmux was asked, and nothing is under way. */
export function isQuiet({ step, lifecycle, observed }: AgentRecord): boolean {
  return !step.busy && step.queuedWork.length === 0 && lifecycle.phase === 'none' && observed.pane === null;
}

/** Money and tokens over the agent's whole life. */
export function usageOf({ row, observed }: Pick<AgentRecord, 'row' | 'observed'>): Usage {
  return addUsage(row.usage, observed.snapshot?.usage ?? NO_USAGE);
}

/** What its next step goes by. */
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
