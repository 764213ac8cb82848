import { describe, expect, test } from 'vitest';
import {
  accountMoved,
  failed,
  FREE,
  hurried,
  probing,
  succeeded,
  failureKind,
  type Account,
  type AccountRules,
  type FailureKind,
} from '../../../src/health/account.ts';
import { resetTime } from '../../../src/health/reset-time.ts';

const MINUTE = 60_000;
const RULES: AccountRules = {
  loginMs: MINUTE,
  rateLimitMs: MINUTE,
  rateLimitMaxMs: 4 * MINUTE,
  overload: { failures: 3, windowMs: 5 * MINUTE, waitMs: 30_000, waitMaxMs: 10 * MINUTE },
};

function fails(account: Account, agent: string, kind: FailureKind, at: number, resetAt: number | null = null): Account {
  return failed(account, { agent, kind, detail: 'said so', resetAt, at }, RULES, () => 0.5);
}

const both = [
  { id: 'worker-1', waiting: true },
  { id: 'worker-2', waiting: true },
];

describe('what a StopFailure says of the account', () => {
  test.each([
    ['authentication_failed', 'auth', MINUTE],
    ['oauth_org_not_allowed', 'auth', MINUTE],
    ['billing_error', 'auth', MINUTE],
    ['rate_limit', 'rate-limit', MINUTE],
    ['server_error', 'overload', null],
    ['empty_stop', 'overload', null],
    ['unknown', 'overload', null],
    ['invalid_request', null, null],
    ['max_output_tokens', null, null],
    ['interrupted', null, null],
  ] as const)('%s: %s, one failure holds all for %s ms', (error, kind, waitMs) => {
    expect(failureKind(error)).toBe(kind);
    if (kind === null) return;
    const { hold } = fails(FREE, 'worker-1', kind, 0);
    expect(hold?.until ?? null).toBe(waitMs);
  });
});

describe('the clock is set back', () => {
  const HOUR = 60 * MINUTE;

  test('a wait takes as long as planned, and the agent that tries is heard', () => {
    const held = fails(FREE, 'worker-1', 'auth', 2 * HOUR);
    const moved = accountMoved(held, -HOUR);
    expect(probing(moved, both, HOUR + MINUTE - 1).hold?.probe).toBeNull();
    expect(probing(moved, both, HOUR + MINUTE).hold?.probe?.agent).toBe('worker-1');
    const trying = accountMoved(probing(held, both, 2 * HOUR + MINUTE), -HOUR);
    expect(succeeded(trying, 'worker-1', HOUR + MINUTE).hold).toBeNull();
  });

  test('a time that the API stated stays, until a person says otherwise', () => {
    const reset = 5 * HOUR;
    const held = fails(FREE, 'worker-1', 'rate-limit', 2 * HOUR, reset);
    expect(accountMoved(held, -HOUR).hold?.until).toBe(held.hold?.until);
    const later = fails(fails(FREE, 'worker-1', 'rate-limit', 2 * HOUR), 'worker-2', 'rate-limit', 2 * HOUR, reset);
    expect(accountMoved(later, -HOUR).hold?.until).toBe(held.hold?.until);
    const hurry = accountMoved(hurried(held, 2 * HOUR), -HOUR);
    expect(probing(hurry, both, HOUR).hold?.probe).not.toBeNull();
  });

  test('earlier failures do not count for longer', () => {
    let account = fails(fails(FREE, 'worker-1', 'overload', 2 * HOUR), 'worker-1', 'overload', 2 * HOUR);
    account = accountMoved(account, -HOUR);
    expect(fails(account, 'worker-1', 'overload', HOUR + 6 * MINUTE).hold).toBeNull();
  });

  test('set forward, or asleep meanwhile, no agent waits longer for it', () => {
    const held = fails(FREE, 'worker-1', 'auth', 0);
    expect(accountMoved(held, HOUR)).toBe(held);
  });
});

describe('one agent for all', () => {
  test('no agent tries before the time, then one does, and its result counts', () => {
    const held = fails(FREE, 'worker-1', 'auth', 0);
    expect(probing(held, both, MINUTE - 1).hold?.probe).toBeNull();
    const trying = probing(held, both, MINUTE);
    expect(trying.hold?.probe).toEqual({ agent: 'worker-1', since: MINUTE });
    expect(probing(trying, both, 2 * MINUTE)).toBe(trying);
    expect(succeeded(trying, 'worker-2', 2 * MINUTE)).toBe(trying);
    // An answer from before it was asked to try proves nothing.
    expect(succeeded(trying, 'worker-1', MINUTE - 1)).toBe(trying);
    expect(succeeded(trying, 'worker-1', 2 * MINUTE)).toEqual(FREE);
  });

  test('a try that fails waits anew, and another one tries next', () => {
    const trying = probing(fails(FREE, 'worker-1', 'rate-limit', 0), both, MINUTE);
    const again = fails(trying, 'worker-1', 'rate-limit', MINUTE);
    expect(again.hold).toMatchObject({ until: 3 * MINUTE, tries: 2, since: 0, probe: null });
    expect(probing(again, both, 3 * MINUTE).hold?.probe?.agent).toBe('worker-2');
    const third = fails(probing(again, both, 3 * MINUTE), 'worker-2', 'rate-limit', 3 * MINUTE);
    const fourth = fails(probing(third, both, 7 * MINUTE), 'worker-1', 'rate-limit', 7 * MINUTE);
    expect([third, fourth].map(({ hold }) => (hold?.until ?? 0) / MINUTE)).toEqual([7, 11]);
  });

  test('one that is stopped, or has nothing to ask, makes room for another', () => {
    const held = fails(FREE, 'worker-1', 'auth', 0);
    const idle = both.map(({ id }) => ({ id, waiting: false }));
    const trying = probing(held, idle, MINUTE);
    expect(trying.hold?.probe?.agent).toBe('worker-1');
    expect(probing(trying, idle, MINUTE + 9_999).hold?.probe?.agent).toBe('worker-1');
    expect(probing(trying, idle, MINUTE + 10_000).hold?.probe?.agent).toBe('worker-2');
    expect(probing(trying, idle.slice(1), MINUTE).hold?.probe?.agent).toBe('worker-2');
    expect(probing(trying, [], MINUTE).hold?.probe).toBeNull();
  });

  test('the agent that a person asked to go on tries at once', () => {
    const held = fails(FREE, 'worker-1', 'auth', 0);
    const asked = probing(hurried(held, 1_000, 'worker-2'), both, 1_000);
    expect(asked.hold?.probe).toEqual({ agent: 'worker-2', since: 1_000 });
    expect(probing(hurried(held, 1_000), both, 1_000).hold?.probe?.agent).toBe('worker-1');
    expect(hurried(FREE, 0, 'worker-1')).toBe(FREE);
  });
});

describe('which failure counts', () => {
  test('the stated end of a limit is waited for, and a later one from any agent counts', () => {
    const held = fails(FREE, 'worker-1', 'rate-limit', 0, 10 * MINUTE);
    expect(held.hold?.until).toBe(10 * MINUTE + 500);
    expect(fails(held, 'worker-2', 'rate-limit', 1, 5 * MINUTE)).toBe(held);
    expect(fails(held, 'worker-2', 'rate-limit', 1, 20 * MINUTE).hold?.until).toBe(20 * MINUTE + 500);
    expect(fails(held, 'worker-2', 'overload', 1)).toBe(held);
    expect(fails(held, 'worker-2', 'auth', 1).hold?.kind).toBe('auth');
  });

  test('the breaker opens at the third failure within the window, over all agents', () => {
    const two = fails(fails(FREE, 'worker-1', 'overload', 0), 'worker-2', 'overload', 1_000);
    expect(two.hold).toBeNull();
    expect(fails(two, 'worker-3', 'overload', 5 * MINUTE + 1_000).hold).toBeNull();
    const open = fails(two, 'worker-3', 'overload', 2_000);
    expect(open.hold).toMatchObject({ kind: 'overload', until: 17_000, tries: 1 });
    const half = probing(open, both, 17_000);
    const wider = fails(half, 'worker-1', 'overload', 20_000);
    expect(wider.hold).toMatchObject({ until: 50_000, tries: 2 });
    expect(succeeded(probing(wider, both, 50_000), 'worker-2', 51_000)).toEqual(FREE);
  });

  test('however often it fails, the wait has its cap, and full jitter', () => {
    let account = fails(fails(fails(FREE, 'a', 'overload', 0), 'a', 'overload', 0), 'a', 'overload', 0);
    for (let i = 0; i < 40; i += 1) {
      const at = account.hold?.until ?? 0;
      account = fails(
        probing(account, both, at),
        account.hold?.last === 'worker-1' ? 'worker-2' : 'worker-1',
        'overload',
        at,
      );
      expect((account.hold?.until ?? 0) - at).toBeLessThanOrEqual(5 * MINUTE);
    }
    expect(account.hold?.tries).toBe(41);
    const failure = { agent: 'worker-1', kind: 'overload', detail: '', resetAt: null, at: 0 } as const;
    const waits = [0, 0.999].map(
      (random) => failed({ hold: null, failures: [0, 0] }, failure, RULES, () => random).hold?.until,
    );
    expect(waits).toEqual([100, 29_970]);
  });
});

describe('when a limit ends, by the words of the API', () => {
  const noon = new Date(2030, 0, 1, 12, 0, 0).getTime();
  test.each([
    ['resets at 2030-06-01T00:00:00Z', Date.UTC(2030, 5, 1)],
    ['Claude AI usage limit reached|1900000000', 1_900_000_000_000],
    ['please retry after 120 seconds', noon + 120_000],
    ["You've hit your session limit · resets 3pm", noon + 3 * 3_600_000],
    ['resets at 10:30am', noon + 22.5 * 3_600_000],
    ['resets 12pm', noon + 24 * 3_600_000],
    ['resets at 2020-01-01T00:00:00Z', noon + 1_000],
    ['Overloaded', null],
    [null, null],
  ])('%s', (text, expected) => {
    expect(resetTime(text, noon)).toBe(expected);
  });
});
