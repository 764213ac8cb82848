import type { AgentSpec } from '../../coordination/link.ts';
import { backoffDelay, FULL_JITTER } from '../../lib/backoff.ts';
import { noteRestart } from '../../lib/restart-window.ts';

/**
 * The rules of the restart policy, in OTP's words: permanent, transient, temporary; intensity within a window; backoff
 * with full jitter.
 */
export type RestartRules = AgentSpec['restart'];

export interface RestartHistory {
  /** When the agent's process ended unasked, monotonic ms, oldest first, none older than the window. */
  deaths: readonly number[];
  /** Deaths since the agent was last stable: the exponent of the backoff. */
  streak: number;
}

export const NO_RESTARTS: RestartHistory = { deaths: [], streak: 0 };

export interface Death {
  at: number;
  /** How long the process had lived, ms. */
  uptimeMs: number;
  /** Exit code 0 and no turn under way: a person typed /exit. */
  clean: boolean;
}

export type RestartDecision =
  | { do: 'restart'; delayMs: number }
  /** The policy asks for no process now; the next turn starts one. */
  | { do: 'rest' }
  | { do: 'give-up'; reason: string };

/**
 * Decides what follows an unasked death.
 * @param random uniform in [0, 1)
 */
export function afterDeath(
  rules: RestartRules,
  history: RestartHistory,
  death: Death,
  random: () => number,
): { history: RestartHistory; decision: RestartDecision } {
  if (rules.policy === 'temporary') {
    const decision: RestartDecision = death.clean
      ? { do: 'rest' }
      : { do: 'give-up', reason: 'its restart policy is temporary' };
    return { history, decision };
  }
  if (rules.policy === 'transient' && death.clean) return { history, decision: { do: 'rest' } };
  const { history: deaths, exceeded } = noteRestart(rules, history.deaths, death.at);
  // A process that outlived the window was stable: earlier deaths say nothing about this one.
  const streak = death.uptimeMs >= rules.windowMs ? 1 : history.streak + 1;
  const next = { deaths, streak };
  if (exceeded) {
    const reason = `it ended ${deaths.length} times within ${Math.round(rules.windowMs / 1000)} s`;
    return { history: next, decision: { do: 'give-up', reason } };
  }
  return {
    history: next,
    decision: {
      do: 'restart',
      delayMs: backoffDelay(
        { baseMs: rules.backoffMs, capMs: rules.backoffMaxMs, jitter: FULL_JITTER },
        streak,
        random,
      ),
    },
  };
}
