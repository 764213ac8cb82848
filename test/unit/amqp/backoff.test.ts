import { expect, test } from 'vitest';
import { retryDelay } from '../../../src/amqp/backoff.ts';

test('the first retry comes within 50 ms, and no wait is longer than a second', () => {
  expect(retryDelay(0, () => 1)).toBeLessThanOrEqual(50);
  for (let attempt = 0; attempt < 2_000; attempt++) {
    expect(retryDelay(attempt, () => 1)).toBeLessThanOrEqual(1_000);
    expect(retryDelay(attempt, () => 0)).toBeGreaterThanOrEqual(25);
  }
});

test('waits grow, and half of each is random', () => {
  expect([0, 1, 2, 3, 4, 5].map((attempt) => retryDelay(attempt, () => 0))).toEqual([25, 50, 100, 200, 400, 500]);
  expect(retryDelay(2, () => 0.5)).toBe(150);
});
