import { expect, test } from 'vitest';
import { readStatusLine } from '../../../src/claude/status-line.ts';

const AT = '2030-01-01T00:00:00.000Z';
const limitsOf = (rateLimits: unknown) => {
  const { limit, resetsAt } = readStatusLine({ session_id: 's', rate_limits: rateLimits }, AT);
  return { limit, resetsAt };
};

test('of the limits of a subscription the fuller one is told, in whole percents', () => {
  const five = { used_percentage: 42.7, resets_at: 1_893_459_600 };
  const seven = { used_percentage: 12, resets_at: 1_893_888_000 };
  expect(limitsOf({ five_hour: five, seven_day: seven })).toEqual({
    limit: { usedPercent: 42, resetsAt: 1_893_459_600_000 },
    resetsAt: null,
  });
  expect(limitsOf({ five_hour: five, seven_day: { ...seven, used_percentage: 100 } })).toEqual({
    limit: { usedPercent: 100, resetsAt: 1_893_888_000_000 },
    resetsAt: 1_893_888_000_000,
  });
});

test.each([[undefined], [null], [{}], [{ five_hour: null }], [{ five_hour: { used_percentage: 50 } }], ['none']])(
  'nothing is told where it says %j',
  (limits) => expect(limitsOf(limits)).toEqual({ limit: null, resetsAt: null }),
);
