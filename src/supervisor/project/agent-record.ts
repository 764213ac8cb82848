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
import type { Lifecycle, Observed } from './lifecycle.ts';

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

/** So long a move of the clock may go unseen, ms: what was noted since then is by the new time. */
const UNSEEN_MS = 5_000;

/** What the store keeps of an agent. */
export interface AgentRow {
  id: string;
  role: string;
  kind: AgentKind;
  desired: AgentDesired;
  sessionId: string | null;
  restarts: number;
  /** Totals of all ended wrappers. */
  usage: Usage;
}

/** One agent in the supervisor's memory: the row of the store and everything observed. */
export class AgentRecord {
  row: AgentRow;
  readonly worktree: string;
  token: string;
  lifecycle: Lifecycle;
  pane: PaneView | null = null;
  /** When tmux last told of the pane, or of its absence. */
  paneSeenAt: number;
  linked = false;
  /** The last change of `linked`. */
  linkSince: number;
  silentSince: number;
  busy = false;
  /** A person has asked for it while a step was under way, which may have looked at what was before. */
  askedMeanwhile = false;
  /** Work in its worktree that waits for its step to end: each stops the agent first. */
  readonly queuedWork: (() => Promise<Lifecycle>)[] = [];
  /** Whether `pane` is what tmux said after the last step. */
  paneKnown = false;
  /** Which step of the whole fleet its last one was: looks that began earlier do not count for it. */
  stepEnded = 0;
  /** Steps that failed one after the other, and why the last one did. */
  failedSteps: { count: number; detail: string } = { count: 0, detail: '' };
  snapshot: WrapperSnapshot | null = null;
  snapshotAt = 0;
  /** Deaths within the restart window, epoch ms. */
  deaths: readonly number[] = [];
  /** When its session vanished within that window: not its own failure, yet no reason to start it at full speed. */
  vanished: readonly number[] = [];
  status: AgentStatus = 'unknown';
  statusSince: number;
  statusReason: string | null = null;
  /** What is seen of it by looking. */
  signs: Signs | undefined;
  /** Why it is stuck, while it is. */
  trouble: Trouble | null = null;
  /** Limits that it crosses now, for people. */
  crossings: readonly Crossing[] = [];
  /** Ends what of a step may take long, while there is such a thing. */
  interrupt: AbortController | null = null;
  /** What its wrapper was started with, maybe by an earlier supervisor; null where that is not known. */
  spec: AgentSpec | null = null;
  /** First port of its block; null where none was free. */
  portBase: number | null = null;
  /** What holds the whole fleet keeps it from being started; epoch ms. */
  startHold: { detail: string; until: number | null } | null = null;
  /** Guards one order at a time of pause and resume. */
  pauseOrdered = false;

  constructor(row: AgentRow, worktree: string, token: string, now: number) {
    this.row = row;
    this.worktree = worktree;
    this.token = token;
    this.lifecycle = { phase: 'none', since: now };
    this.paneSeenAt = now;
    this.linkSince = now;
    this.silentSince = now;
    this.statusSince = now;
  }

  get id(): string {
    return this.row.id;
  }

  /** Nothing of it is left that runs, as far as tmux was asked, and nothing is under way. */
  get quiet(): boolean {
    return !this.busy && this.queuedWork.length === 0 && this.lifecycle.phase === 'none' && this.pane === null;
  }

  observed(): Observed {
    const { lifecycle, pane, linked, silentSince, busy, startHold } = this;
    const seen = pane === null ? null : { dead: pane.dead, ending: describeEnding(pane) };
    return { lifecycle, pane: seen, linked, silentSince, busy, startHeld: startHold !== null };
  }

  /** Takes in a snapshot; true when something that the store keeps has changed. */
  absorb(snapshot: WrapperSnapshot, now: number): boolean {
    const before = this.snapshot;
    const rotated = before !== null && before.incarnation !== snapshot.incarnation;
    if (rotated) this.row = { ...this.row, usage: addUsage(this.row.usage, before.usage) };
    this.snapshot = snapshot;
    this.snapshotAt = now;
    const sessionChanged = snapshot.sessionId !== null && snapshot.sessionId !== this.row.sessionId;
    if (sessionChanged) this.row = { ...this.row, sessionId: snapshot.sessionId };
    return rotated || sessionChanged;
  }

  /**
   * The wall clock went on without anybody, or was set: what is waited for takes as long as it was to take.
   * @param now what it says since then
   */
  moveTimes(byMs: number, now: number): void {
    const { lifecycle } = this;
    const isNew = (at: number): boolean => at <= now && now - at < Math.min(Math.abs(byMs), UNSEEN_MS);
    const moved = (at: number): number => (isNew(at) ? at : at + byMs);
    if (!isNew(lifecycle.since)) {
      if (lifecycle.phase === 'backoff') this.lifecycle = { ...lifecycle, until: lifecycle.until + byMs };
      if ((lifecycle.phase === 'blocked' || lifecycle.phase === 'failed') && lifecycle.lookAgainAt !== undefined)
        this.lifecycle = { ...lifecycle, lookAgainAt: lifecycle.lookAgainAt + byMs };
    }
    this.silentSince = moved(this.silentSince);
    this.linkSince = moved(this.linkSince);
    this.deaths = this.deaths.map(moved);
    this.vanished = this.vanished.map(moved);
  }

  /** Its wrapper has ended: what it had used is kept with the agent. */
  fold(): void {
    if (this.snapshot === null) return;
    this.row = { ...this.row, usage: this.usage() };
    this.snapshot = null;
  }

  /** Money and tokens over the agent's whole life. */
  usage(): Usage {
    return addUsage(this.row.usage, this.snapshot?.usage ?? NO_USAGE);
  }
}

/** How a dead pane's program ended; null while it lives, or where tmux cannot tell. */
function describeEnding({ dead, status, signal }: PaneView): string | null {
  if (!dead) return null;
  if (signal !== null) return `signal ${signal}`;
  return status === null ? null : `exit ${status}`;
}
