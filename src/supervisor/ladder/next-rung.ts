import { RUNGS, type Rung } from '../../domain/ladder.ts';
import { awakeSince, type Gap } from '../../health/awake.ts';
import type { Trouble } from '../../health/facts.ts';

/** Time of each rung after the one before, ms; null: never. */
export type LadderRules = Readonly<Record<Rung, number | null>>;

/** One trouble from its first rung to its end; kept over restarts of the supervisor. */
export interface LadderState {
  /** The task in hand; null: a turn without one. */
  task: string | null;
  cause: Trouble['kind'] | LimitCause;
  /** When it began, epoch ms. */
  since: number;
  rung: Rung | null;
  /** When that rung was taken. */
  at: number;
  /** Since when the agent seems to make progress again; null or absent: it does not. */
  newAt?: number | null;
}

/** A hard limit that was crossed. */
export type LimitCause = 'memory' | 'processes' | 'turn';

/** A reason to take a rung now. */
export interface LadderCall {
  cause: LadderState['cause'];
  /** When it began, epoch ms; absent: now. */
  since?: number;
  /** The newest evidence, epoch ms. */
  at: number;
  /** The gentlest rung that is of use. */
  least?: Rung;
}

/** Facts that allow or prevent a rung. */
export interface LadderFacts {
  kind: 'claude' | 'shell';
  task: string | null;
  /** The history's task is no longer this agent's. */
  left: boolean;
  /** The agent is at work, with or without progress. */
  works: boolean;
  /** A person is at the keyboard of its pane. */
  typing: boolean;
  /** Its wrapper is linked. */
  linked: boolean;
  /** A step of the fleet, or a rung, is under way. */
  busy: boolean;
  /** Another agent could take its task. */
  another: boolean;
  /** When the agent last did something new, epoch ms. */
  advancedAt: number | null;
  /** How long a silence lasts until it is a trouble, ms. */
  stuckAfterMs: number;
}

/** Causes that must end whatever the agent achieves: no progress ends them. */
const LIMITS: ReadonlySet<LadderState['cause']> = new Set<LimitCause>(['memory', 'processes', 'turn']);

/** Rungs after which new activity is real progress; after the others an agent begins with something new in any case. */
const GENTLE: ReadonlySet<Rung | null> = new Set([null, 'note', 'nudge']);
/** A trouble that comes back shows after one silence at the earliest. */
const CALM_SILENCES = 2;

export type LadderStep =
  | { do: 'rung'; rung: Rung; state: LadderState }
  | { do: 'reset' }
  | { do: 'wait'; state: LadderState }
  | null;

/**
 * The next rung, if it is due. Each is taken only on evidence that is newer than the rung before. The agent's reaction
 * to a rung is no progress: the trouble ends only by something new, with nothing wrong for a while, or by another task.
 * Pure.
 * @param history what was done so far; null: nothing
 * @param call null: nothing is wrong now
 */
export function nextRung(
  history: LadderState | null,
  call: LadderCall | null,
  facts: LadderFacts,
  rules: LadderRules,
  now: number,
  gaps: readonly Gap[] = [],
): LadderStep {
  if (call === null) return history === null ? null : calmed(history, facts, now, gaps);
  if (history !== null && facts.left) return { do: 'reset' };
  const before = history ?? { task: facts.task, cause: call.cause, since: call.since ?? now, rung: null, at: now };
  const state = { ...before, newAt: null };
  const rung = nextOf(state.rung, call, facts, rules);
  const waits: LadderStep = history === null || typeof history.newAt === 'number' ? { do: 'wait', state } : null;
  if (rung === null) return waits;
  const isNews = state.rung === null || call.at > state.at;
  // A crossed limit is acted on at once; the rungs after it have their time.
  const wait = state.rung === null && call.least !== undefined ? 0 : (rules[rung] ?? 0);
  const isDue = awakeSince(state.at, now, gaps) >= wait;
  if (!isNews || !isDue || facts.busy || facts.typing) return waits;
  return { do: 'rung', rung, state: { ...state, cause: call.cause, rung, at: now } };
}

/**
 * The step while nothing is wrong. A limit that was crossed and is not any more is no success: its history stands until
 * the task has changed, or the turn without one is over. But a command that was ended for it has failed, and its task's
 * retries decide how often. An agent that had to begin anew may first do something new and be stuck again: that shows
 * later.
 */
function calmed(history: LadderState, facts: LadderFacts, now: number, gaps: readonly Gap[]): LadderStep {
  const { task, cause, rung, at, newAt: known = null } = history;
  if (facts.left) return { do: 'reset' };
  if (task === null && !facts.works) return { do: 'reset' };
  if (LIMITS.has(cause)) return facts.kind === 'shell' ? { do: 'reset' } : null;
  if (facts.advancedAt === null || facts.advancedAt <= at) return null;
  const newAt = known ?? now;
  const isOver = GENTLE.has(rung) || awakeSince(newAt, now, gaps) >= CALM_SILENCES * facts.stuckAfterMs;
  if (isOver) return { do: 'reset' };
  return known === null ? { do: 'wait', state: { ...history, newAt } } : null;
}

/** The gentlest rung above the last one that is switched on, of use, and possible. */
function nextOf(last: Rung | null, call: LadderCall, facts: LadderFacts, rules: LadderRules): Rung | null {
  const from = Math.max(last === null ? 0 : RUNGS.indexOf(last) + 1, RUNGS.indexOf(leastOf(call, facts)));
  return RUNGS.slice(from).find((rung) => rules[rung] !== null && isPossible(rung, call, facts)) ?? null;
}

/** A command has no conversation that a restart would keep: to end it is enough. */
function leastOf({ cause, least = 'note' }: LadderCall, { kind }: LadderFacts): Rung {
  return kind === 'shell' && LIMITS.has(cause) ? 'interrupt' : least;
}

function isPossible(rung: Rung, { cause }: LadderCall, { kind, task, linked, another }: LadderFacts): boolean {
  // A command's time limit is its task's own --timeout; swarm cannot tell a long one from one that hangs.
  if (kind === 'shell' && !LIMITS.has(cause)) return rung === 'note';
  // After its end a command leaves nothing that could go on elsewhere, or from a checkpoint.
  if (kind === 'shell' && (rung === 'rollback' || rung === 'reassign')) return false;
  switch (rung) {
    case 'note':
    case 'restart':
      return true;
    case 'nudge':
    case 'interrupt':
      return linked;
    case 'rollback':
      return task !== null;
    case 'reassign':
      return task !== null && another;
    case 'fail':
      return true;
  }
}
