import { expect } from 'vitest';

/** Bounded polling that a busy machine does not fail: up to half a minute. */
export function eventually<T>(check: () => T, message = 'in time', interval = 25): ReturnType<typeof expect.poll<T>> {
  return expect.poll(check, { timeout: 30_000, interval, message });
}
