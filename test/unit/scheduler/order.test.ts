import { describe, expect, test } from 'vitest';
import { orderKey } from '../../../src/scheduler/order.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2030, 0, 1);

describe('the order of ready tasks', () => {
  test('among tasks that became ready together, the higher priority comes first', () => {
    const keys = (['critical', 'high', 'normal', 'low'] as const).map((priority) => orderKey(priority, NOW));
    expect(keys).toEqual(keys.toSorted((a, b) => a - b));
    expect(new Set(keys).size).toBe(4);
  });

  test('a critical task comes before one of any other priority that has waited for ten years', () => {
    expect(orderKey('critical', NOW)).toBeLessThan(orderKey('high', NOW - 10 * 365 * 86_400_000));
  });

  test('a low task is overtaken by high ones for half an hour, and by none that come later', () => {
    const low = orderKey('low', NOW);
    expect(orderKey('high', NOW + 30 * MINUTE - 1)).toBeLessThan(low);
    expect(orderKey('high', NOW + 30 * MINUTE + 1)).toBeGreaterThan(low);
    expect(orderKey('normal', NOW + 10 * MINUTE + 1)).toBeGreaterThan(low);
  });

  test('critical tasks keep their own order', () => {
    expect(orderKey('critical', NOW)).toBeLessThan(orderKey('critical', NOW + 1));
  });

  test('every key is a whole number that SQLite and JavaScript keep exactly', () => {
    expect(Number.isSafeInteger(orderKey('critical', NOW))).toBe(true);
  });
});
