import { describe, expect, test } from 'vitest';
import {
  AFFINITY_MS,
  decideRetry,
  MAX_LOSSES,
  RETRY_BACKOFF,
  type FailedAttempt,
} from '../../../src/scheduler/retry.ts';

const NOW = 1_000_000;
const attempt = (fields: Partial<FailedAttempt>): FailedAttempt => ({
  errorClass: 'agent',
  error: 'tests fail\nmany lines',
  agent: 'worker-1',
  failures: 0,
  losses: 0,
  retries: 2,
  ...fields,
});

describe('a task whose attempt came to nothing', () => {
  test.each(['agent', 'verify', 'timeout', 'conflict', 'setup', 'api'] as const)(
    '%s counts against the retries',
    (errorClass) => {
      expect(decideRetry(attempt({ errorClass, failures: 1 }), NOW, () => 0.5)).toMatchObject({
        then: 'retry',
        failures: 2,
      });
      expect(decideRetry(attempt({ errorClass, failures: 2 }), NOW, () => 0.5)).toMatchObject({
        then: 'dead',
        failures: 3,
      });
    },
  );

  test.each(['program', 'repository'] as const)('what waiting does not mend (%s) is not tried again', (errorClass) => {
    const error = 'nope cannot be started: there is no such program on PATH (ENOENT).\nInstall it.';
    expect(decideRetry(attempt({ errorClass, error, retries: 9 }), NOW, () => 0.5)).toEqual({
      then: 'dead',
      failures: 1,
      losses: 0,
      note: 'not tried again: nope cannot be started: there is no such program on PATH (ENOENT).',
    });
  });

  test('with no retries allowed the first failure is the last', () => {
    const decision = decideRetry(attempt({ retries: 0 }), NOW, () => 0.5);
    expect(decision).toEqual({
      then: 'dead',
      failures: 1,
      losses: 0,
      note: 'failed once, last on worker-1: agent: tests fail',
    });
  });

  test('the delay doubles with each failure, with full jitter, up to five minutes', () => {
    const most = (failures: number): number => {
      const decision = decideRetry(attempt({ failures, retries: 100 }), NOW, () => 1);
      return decision.then === 'retry' ? decision.at - NOW : Number.NaN;
    };
    expect([0, 1, 2, 3].map(most)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(most(60)).toBe(RETRY_BACKOFF.capMs);
    expect(decideRetry(attempt({ failures: 5, retries: 9 }), NOW, () => 0)).toMatchObject({ then: 'retry', at: NOW });
  });

  test('a loss is followed by another attempt at once, kept for the same agent, whatever the retries', () => {
    const decision = decideRetry(attempt({ errorClass: 'lost', retries: 0, error: 'killed' }), NOW, () => 0.5);
    expect(decision).toEqual({
      then: 'again',
      losses: 1,
      reservedUntil: NOW + AFFINITY_MS,
      note: 'lost on worker-1: lost: killed',
    });
  });

  test('losses have their own limit', () => {
    expect(decideRetry(attempt({ errorClass: 'lost', losses: MAX_LOSSES - 1 }), NOW, () => 0.5).then).toBe('again');
    expect(decideRetry(attempt({ errorClass: 'lost', losses: MAX_LOSSES }), NOW, () => 0.5)).toMatchObject({
      then: 'dead',
      losses: 6,
    });
  });

  test('a used-up budget is never tried again', () => {
    expect(decideRetry(attempt({ errorClass: 'budget', retries: 50, error: null }), NOW, () => 0.5)).toMatchObject({
      then: 'dead',
      note: 'the budget is used up (budget)',
    });
  });

  test('a long error is cut in the note', () => {
    const decision = decideRetry(attempt({ error: 'x'.repeat(5_000) }), NOW, () => 0.5);
    expect(decision.note.length).toBeLessThan(250);
  });
});
