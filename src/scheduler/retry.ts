import type { ErrorClass } from '../domain/task.ts';
import { backoffDelay, FULL_JITTER } from '../lib/backoff.ts';
import { clip } from '../lib/text.ts';

export const RETRY_BACKOFF = { baseMs: 1_000, capMs: 5 * 60_000, jitter: FULL_JITTER } as const;
/**
 * So many losses of a task are followed by another attempt. A crash is not the task's fault, so it does not count
 * against the retries.
 */
export const MAX_LOSSES = 5;
/**
 * After a loss, the agent that has the conversation and the worktree may take the task before all others for so long.
 */
export const AFFINITY_MS = 60_000;

export interface FailedAttempt {
  errorClass: ErrorClass;
  error: string | null;
  agent: string;
  /** Failures and losses of this task so far, without this one. */
  failures: number;
  losses: number;
  /** Retries that the task allows. */
  retries: number;
}

export type RetryDecision =
  | { then: 'retry'; at: number; failures: number; note: string }
  | { then: 'again'; losses: number; reservedUntil: number; note: string }
  | { then: 'dead'; failures: number; losses: number; note: string };

/** Decides what follows a failed or lost attempt. `random` is uniform in [0, 1). */
export function decideRetry(attempt: FailedAttempt, now: number, random: () => number): RetryDecision {
  const { errorClass, agent, failures, losses, retries } = attempt;
  const why = attempt.error === null ? errorClass : `${errorClass}: ${firstLine(attempt.error)}`;
  switch (errorClass) {
    case 'program':
    case 'repository':
      return {
        then: 'dead',
        failures: failures + 1,
        losses,
        note: `not tried again: ${firstLine(attempt.error ?? why)}`,
      };
    case 'budget':
      return { then: 'dead', failures: failures + 1, losses, note: `the budget is used up (${why})` };
    case 'lost':
      if (losses >= MAX_LOSSES)
        return {
          then: 'dead',
          failures,
          losses: losses + 1,
          note: `lost ${losses + 1} times, last on ${agent}: ${why}`,
        };
      return { then: 'again', losses: losses + 1, reservedUntil: now + AFFINITY_MS, note: `lost on ${agent}: ${why}` };
    case 'agent':
    case 'verify':
    case 'timeout':
    case 'conflict':
    case 'setup':
    case 'api': {
      const count = failures + 1;
      if (count > retries)
        return { then: 'dead', failures: count, losses, note: `failed ${times(count)}, last on ${agent}: ${why}` };
      return { then: 'retry', at: now + backoffDelay(RETRY_BACKOFF, count, random), failures: count, note: why };
    }
  }
}

function times(n: number): string {
  return n === 1 ? 'once' : `${n} times`;
}

function firstLine(text: string): string {
  return clip(text.trim().split('\n', 1)[0] ?? '', 200);
}
