import { RUNGS, type Rung } from '../../domain/ladder.ts';
import { awakeSince, type Gap } from '../../health/awake.ts';
import type { Trouble } from '../../health/facts.ts';

/** How long after the rung before, ms; null: never. */
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
  /** Since when it gets on again, as far as anybody can tell yet; null or absent: it does not. */
  newAt?: number | null;
}

/** A hard limit that was crossed. */
export type LimitCause = 'memory' | 'processes' | 'turn';

/** What calls for a rung now. */
export interface LadderCall {
  cause: LadderState['cause'];
  /** When it began, epoch ms; absent: now. */
  since?: number;
  /** The newest evidence, epoch ms. */
  at: number;
  /** Gentler rungs are no use. */
  least?: Rung;
}

/** What it may be, and what stands in the way. */
export interface LadderFacts {
  kind: 'claude' | 'shell';
  task: string | null;
  /** What the history is about is no longer this agent's. */
  left: boolean;
  /** It is at work, well or not. */
  works: boolean;
  /** A person is at the keyboard of its pane. */
  typing: boolean;
  /** Its wrapper listens. */
  linked: boolean;
  /** A step of the fleet, or a rung, is under way. */
  busy: boolean;
  /** Somebody else could take its task. */
  another: boolean;
  /** The last thing that it had not done just before, epoch ms. */
  advancedAt: number | null;
  /** How long a silence lasts until it is a trouble, ms. */
  stuckAfterMs: number;
}

/** What may not be, whatever comes of it: no success ends it. */
const LIMITS: ReadonlySet<LadderState['cause']> = new Set<LimitCause>(['memory', 'processes', 'turn']);

/** These make an agent do nothing; after the others it begins with something new, whatever comes of it. */
const GENTLE: ReadonlySet<Rung | null> = new Set([null, 'note', 'nudge']);
/** A trouble that comes back shows after one silence at the earliest. */
const CALM_SILENCES = 2;

export type LadderStep =
  | { do: 'rung'; rung: Rung; state: LadderState }
  | { do: 'reset' }
  | { do: 'wait'; state: LadderState }
  | null;

/**
 * The next rung, if it is due. Each only on evidence that is newer than the rung before. What the agent does because of
 * a rung is not progress: only something new ends the trouble, with nothing wrong for a while, or another task. Pure.
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
  // What may not be is ended at once; the rungs above it have their time.
  const wait = state.rung === null && call.least !== undefined ? 0 : (rules[rung] ?? 0);
  const isDue = awakeSince(state.at, now, gaps) >= wait;
  if (!isNews || !isDue || facts.busy || facts.typing) return waits;
  return { do: 'rung', rung, state: { ...state, cause: call.cause, rung, at: now } };
}

/**
 * Nothing is wrong now. A limit that was crossed once and then not is no success: it stands until the task has changed,
 * or the turn without one is over; but a command that was ended for it has failed, and how often is for its task to say.
 * An agent that was made to begin anew may begin with something new and come to nothing again: that shows later.
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
  // How long a command may take is said by its task's own --timeout; nobody can tell a long one from one that hangs.
  if (kind === 'shell' && !LIMITS.has(cause)) return rung === 'note';
  // Of a command nothing is left that could go on elsewhere, or from a checkpoint.
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
