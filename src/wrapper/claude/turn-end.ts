import type { Turn } from '../../claude/index.ts';
import { resetTime, failureKind } from '../../health/index.ts';
import { backoffDelay, HALF_JITTER, type BackoffRules } from '../../lib/backoff.ts';

/** What the agent has said of the task through its tools since the turn began; the last word counts. */
export type Verdict =
  | { tool: 'complete_task'; summary: string }
  | { tool: 'fail_task'; reason: string }
  | { tool: 'ask_person'; question: string; options: readonly string[] };

export type Rest =
  /** The turn is over. */
  | { kind: 'ended'; lastMessage: string | null }
  /** The API failed after Claude Code's own retries, or its answer never came. */
  | { kind: 'api-failure'; error: string; details: string | null };

/** How the turn after a prompt ended; null while it goes on. */
export function restOf(turn: Turn): Rest | null {
  switch (turn.state) {
    case 'idle':
      return { kind: 'ended', lastMessage: turn.lastMessage };
    case 'api-error':
    case 'failed':
      return { kind: 'api-failure', error: turn.failure?.error ?? 'unknown', details: turn.failure?.details ?? null };
    default:
      return null;
  }
}

/** Whether the process is in the middle of a turn, or works on in the background after one. */
export function isWorking(turn: Turn | null): boolean {
  return turn !== null && (turn.state === 'busy' || turn.state === 'permission' || turn.state === 'background');
}

export type ApiRecovery =
  | { do: 'hold'; kind: 'rate-limit' | 'auth'; ms: number }
  | { do: 'retry'; ms: number }
  | { do: 'give-up' };

const AUTH_RETRY_MS = 60_000;
const RATE_LIMIT_BACKOFF: BackoffRules = { baseMs: 60_000, capMs: 15 * 60_000, jitter: [0.9, 1.1] };
const SERVER_ERROR_RETRIES = 5;
const SERVER_ERROR_BACKOFF: BackoffRules = { baseMs: 2_000, capMs: 60_000, jitter: HALF_JITTER };

/**
 * What this agent does about an API failure before the supervisor has said what is known of the account.
 * @param failures how often this turn has failed so, this time included
 * @param now epoch ms
 */
export function afterApiFailure(
  failure: { error: string; details: string | null },
  failures: number,
  now: number,
  random: () => number,
): ApiRecovery {
  switch (failureKind(failure.error)) {
    case 'auth':
      return { do: 'hold', kind: 'auth', ms: AUTH_RETRY_MS };
    case 'rate-limit': {
      const resetAt = resetTime(failure.details, now);
      if (resetAt !== null) return { do: 'hold', kind: 'rate-limit', ms: resetAt - now };
      return { do: 'hold', kind: 'rate-limit', ms: backoffDelay(RATE_LIMIT_BACKOFF, failures, random) };
    }
    case null:
      // The API would refuse the same request again.
      return failures > 1 ? { do: 'give-up' } : { do: 'retry', ms: SERVER_ERROR_BACKOFF.baseMs };
    case 'overload': {
      if (failures > SERVER_ERROR_RETRIES) return { do: 'give-up' };
      return { do: 'retry', ms: backoffDelay(SERVER_ERROR_BACKOFF, failures, random) };
    }
  }
}

/** What the API said of a failure. */
export function apiText(failure: { error: string; details: string | null }): string {
  return failure.details === null ? failure.error : `${failure.error}: ${failure.details}`;
}
