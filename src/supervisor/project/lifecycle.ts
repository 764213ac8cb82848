import type { AgentDesired, NeedsYouKind } from '../../domain/agent.ts';

/**
 * The lifecycle of one agent in the supervisor's hands. Kept in memory only: after a restart of the supervisor it is
 * found again from tmux, the process table and the wrappers' hellos.
 */
export type Lifecycle =
  | { phase: 'none'; since: number }
  /** Waits for a person before it can start at all. */
  | { phase: 'blocked'; since: number; lookAgainAt: number; gate: NeedsYouKind; detail: string }
  /** Waits until it may start: `turn`, after others, or until the machine bears it. */
  | { phase: 'waiting'; since: number; for: 'turn' | 'machine'; detail: string }
  /** `setup`: the present step of its worktree's set-up, which runs since `since`. */
  | { phase: 'preparing'; since: number; setup?: string }
  /** The pane runs; its wrapper has not said hello yet. */
  | { phase: 'starting'; since: number }
  | { phase: 'up'; since: number }
  | { phase: 'recovering'; since: number; detail: string }
  /** No process of it lives and nothing is wrong with it: the next step of the loop starts it. */
  | { phase: 'due'; since: number; detail: string }
  /** Waits before the next try: of a start, or (`of: 'stop'`) of an end that could not be carried out. */
  | { phase: 'backoff'; since: number; until: number; of: 'start' | 'stop'; detail: string }
  | { phase: 'stopping'; since: number; detail?: string }
  /** Given up. `lookAgainAt`: a program could not be started, and swarm looks then whether it can be. */
  | { phase: 'failed'; since: number; detail: string; lookAgainAt?: number };

/** Whether no process of it lives or is on its way. */
export function rests(lifecycle: Lifecycle): boolean {
  return lifecycle.phase === 'backoff'
    ? lifecycle.of === 'start'
    : ['none', 'blocked', 'waiting', 'due', 'failed'].includes(lifecycle.phase);
}

/** A person ordered it: the next try is now. */
export function dueAtOnce(of: 'start' | 'stop', now: number): Lifecycle {
  const detail = 'it was asked for';
  return of === 'start'
    ? { phase: 'due', since: now, detail }
    : { phase: 'backoff', since: now, until: now, of, detail };
}

export interface PaneFact {
  dead: boolean;
  /** "exit 1", "signal 9", null while it lives. */
  ending: string | null;
}

/** The facts from which the next step of one agent is decided. */
export interface Situation {
  lifecycle: Lifecycle;
  /** Null: no pane has this agent's mark. */
  pane: PaneFact | null;
  linked: boolean;
  /** When the link was lost or the pane started, epoch ms: the start of the silence. */
  silentSince: number;
  /** An operation on this agent is under way: no other may begin. */
  busy: boolean;
  /** Many died at once: it must not be started now. */
  startHeld: boolean;
}

export type Action =
  | { do: 'start' }
  /** `vanished`: its session went, most often with the tmux server, which says nothing about the agent itself. */
  | { do: 'recover'; detail: string; vanished: boolean; silent?: boolean }
  | { do: 'stop' }
  | { do: 'settle'; lifecycle: Lifecycle };

/** A wrapper that has a living pane and gives no sign for so long, ms, is replaced. */
export const SILENCE_LIMIT_MS = 20_000;

/** One agent's next step towards the wanted state. Pure: called on every change and every tick. */
export function decide(desired: AgentDesired, situation: Situation, now: number): Action | null {
  if (situation.busy) return null;
  return desired === 'stopped' ? decideStopped(situation, now) : decideUp(situation, now);
}

function decideStopped({ lifecycle, pane, linked }: Situation, now: number): Action | null {
  if (lifecycle.phase === 'backoff' && lifecycle.of === 'stop' && now < lifecycle.until) return null;
  if (pane !== null || linked) return { do: 'stop' };
  if (lifecycle.phase === 'none') return null;
  // No program runs in a pane, yet a start or a recovery may have left processes: stop proves them gone.
  return { do: 'stop' };
}

function decideUp({ lifecycle, pane, linked, silentSince, startHeld }: Situation, now: number): Action | null {
  const start: Action | null = startHeld ? null : { do: 'start' };
  switch (lifecycle.phase) {
    case 'failed':
      return lifecycle.lookAgainAt !== undefined && now >= lifecycle.lookAgainAt ? start : null;
    case 'preparing':
    case 'recovering':
    case 'stopping':
      return null;
    case 'blocked':
      return now >= lifecycle.lookAgainAt ? start : null;
    case 'waiting':
    case 'due':
      return start;
    case 'backoff':
      return now >= lifecycle.until ? start : null;
    case 'none':
      if (pane === null) return start;
      if (pane.dead) return ended(pane);
      return { do: 'settle', lifecycle: { phase: linked ? 'up' : 'starting', since: now } };
    case 'starting':
    case 'up': {
      if (pane === null) return { do: 'recover', detail: 'its tmux session is gone', vanished: true };
      if (pane.dead) return ended(pane);
      if (linked) return lifecycle.phase === 'up' ? null : { do: 'settle', lifecycle: { phase: 'up', since: now } };
      if (now - silentSince > SILENCE_LIMIT_MS) {
        const seconds = Math.round((now - silentSince) / 1000);
        return {
          do: 'recover',
          detail: `its wrapper has not answered for ${seconds} s`,
          vanished: false,
          silent: true,
        };
      }
      return null;
    }
  }
}

function ended({ ending }: PaneFact): Action {
  return { do: 'recover', detail: `its wrapper ended (${ending ?? 'unknown'})`, vanished: false };
}
