import { expect } from 'vitest';

/** `expect.poll` with closer looks, and words for what is waited for. */
export function eventually<T>(check: () => T, message = 'in time', interval = 25): ReturnType<typeof expect.poll<T>> {
  return expect.poll(check, { interval, message });
}
