import { describe, expect, test } from 'vitest';
import {
  NO_RESTARTS,
  afterDeath,
  type RestartHistory,
  type RestartRules,
} from '../../../../src/wrapper/claude/restart-policy.ts';
import { afterApiFailure } from '../../../../src/wrapper/claude/turn-end.ts';

const rules: RestartRules = {
  policy: 'permanent',
  intensity: 3,
  windowMs: 60_000,
  backoffMs: 100,
  backoffMaxMs: 1_000,
};
const almostOne = (): number => 0.999;

function die(times: number, death: { uptimeMs: number; clean: boolean }, more: Partial<RestartRules> = {}) {
  let history: RestartHistory = NO_RESTARTS;
  return Array.from({ length: times }, (_, n) => {
    const step = afterDeath({ ...rules, ...more }, history, { at: 1_000 * n, ...death }, almostOne);
    history = step.history;
    return step.decision;
  });
}

describe('restarts', () => {
  test('grow their backoff up to the cap and end when there are too many in the window', () => {
    expect(die(4, { uptimeMs: 0, clean: false })).toEqual([
      { do: 'restart', delayMs: 99 },
      { do: 'restart', delayMs: 199 },
      { do: 'restart', delayMs: 399 },
      { do: 'give-up', reason: 'it ended 4 times within 60 s' },
    ]);
    expect(die(6, { uptimeMs: 0, clean: false }, { intensity: 9 }).at(-1)).toEqual({ do: 'restart', delayMs: 999 });
  });

  test('begin anew after a process that was stable', () => {
    const history: RestartHistory = { deaths: [0], streak: 5 };
    const { decision } = afterDeath(rules, history, { at: 100_000, uptimeMs: 70_000, clean: false }, almostOne);
    expect(decision).toEqual({ do: 'restart', delayMs: 99 });
  });

  test('follow the policy: transient rests after a clean end, temporary never starts again', () => {
    expect(die(1, { uptimeMs: 0, clean: true })).toMatchObject([{ do: 'restart' }]);
    expect(die(1, { uptimeMs: 0, clean: true }, { policy: 'transient' })).toEqual([{ do: 'rest' }]);
    expect(die(1, { uptimeMs: 0, clean: false }, { policy: 'transient' })).toMatchObject([{ do: 'restart' }]);
    expect(die(1, { uptimeMs: 0, clean: false }, { policy: 'temporary' })).toMatchObject([{ do: 'give-up' }]);
  });
});

describe('API failures', () => {
  const after = (error: string, failures: number, details: string | null = null) =>
    afterApiFailure({ error, details }, failures, 0, () => 0.5);

  test('a limit is waited for as long as it says, else longer each time', () => {
    expect(after('rate_limit', 1, 'retry after 90 seconds')).toEqual({ do: 'hold', kind: 'rate-limit', ms: 90_000 });
    expect(after('rate_limit', 1)).toEqual({ do: 'hold', kind: 'rate-limit', ms: 60_000 });
    expect(after('rate_limit', 9)).toEqual({ do: 'hold', kind: 'rate-limit', ms: 900_000 });
  });

  test('a missing login is tried every minute for ever', () => {
    expect(after('authentication_failed', 99)).toEqual({ do: 'hold', kind: 'auth', ms: 60_000 });
  });

  test('errors of the server and empty answers are retried five times', () => {
    for (const error of ['server_error', 'empty_stop']) {
      expect([1, 5, 6].map((n) => after(error, n).do)).toEqual(['retry', 'retry', 'give-up']);
    }
  });

  test('a refused request is not repeated for long', () => {
    expect([1, 2].map((n) => after('invalid_request', n).do)).toEqual(['retry', 'give-up']);
  });
});
