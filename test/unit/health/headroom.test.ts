import { describe, expect, test } from 'vitest';
import { failed, FREE, lackOfHeadroom, type AccountRules } from '../../../src/health/index.ts';

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const RULES: AccountRules = {
  loginMs: 1,
  rateLimitMs: 60_000,
  rateLimitMaxMs: 60_000,
  overload: { failures: 1, windowMs: 60_000, waitMs: 60_000, waitMaxMs: 60_000 },
};
const use = (usedPercent: number, hours = 1) => ({ usedPercent, resetsAt: NOW + hours * HOUR });

describe('what an account bears', () => {
  test.each([
    ['no agent has reported a limit', [], 90],
    ['much is left', [use(10), use(89)], 90],
    ['the time of what was used is over', [use(99, -1)], 90],
  ])('one more agent where %s', (_title, uses, most) => {
    expect(lackOfHeadroom(null, uses, most, NOW)).toBeNull();
  });

  test('no more agents where so much is used, and it says until when', () => {
    expect(lackOfHeadroom(null, [use(20), use(93)], 90, NOW)).toBe(
      "93 % of the account's rate limit are used until 2030-01-01T01:00:00.000Z, from 90 % on no further agent starts (admission.rateLimit)",
    );
    expect(lackOfHeadroom(null, [use(93)], 100, NOW)).toBeNull();
    expect(lackOfHeadroom(null, [use(100)], 100, NOW)).not.toBeNull();
  });

  test('no more agents while a rate limit holds those that are there; another trouble is no matter of headroom', () => {
    const held = (kind: 'rate-limit' | 'overload') =>
      failed(FREE, { agent: 'worker-1', kind, detail: '429', resetAt: null, at: NOW }, RULES, () => 0.5).hold;
    expect(lackOfHeadroom(held('rate-limit'), [], 90, NOW)).toBe("the account's rate limit is reached");
    expect(lackOfHeadroom(held('overload'), [], 90, NOW)).toBeNull();
  });
});
