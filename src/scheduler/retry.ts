import type { ErrorClass } from '../domain/task.ts';
import { backoffDelay, FULL_JITTER } from '../lib/backoff.ts';
import { clip } from '../lib/text.ts';

export const RETRY_BACKOFF = { baseMs: 1_000, capMs: 5 * 60_000, jitter: FULL_JITTER } as const;
/** A crash is not the task's fault, so it has a limit of its own: this many are followed by another attempt. */
export const MAX_LOSSES = 5;
/** After a loss, the agent that has the conversation and the worktree may take the task before all others. */
export const AFFINITY_MS = 60_000;

export interface FailedAttempt {
  errorClass: ErrorClass;
  error: string | null;
  agent: string;
  /** Failures that count and losses of this task, without this one. */
  failures: number;
  losses: number;
  /** What the submitter allows. */
  retries: number;
}

export type RetryDecision =
  | { then: 'retry'; at: number; failures: number; note: string }
  | { then: 'again'; losses: number; reservedUntil: number; note: string }
  | { then: 'dead'; failures: number; losses: number; note: string };

/** What becomes of a task whose attempt came to nothing. `random` is uniform in [0, 1). */
export function decideRetry(attempt: FailedAttempt, now: number, random: () => number): RetryDecision {
  const { errorClass, agent, failures, losses, retries } = attempt;
  const why = attempt.error === null ? errorClass : `${errorClass}: ${firstLine(attempt.error)}`;
  switch (errorClass) {
    case 'program':
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
