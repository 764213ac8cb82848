import { setTimeout as delay } from 'node:timers/promises';
import { isGitError } from './errors.ts';

const tails = new Map<string, Promise<void>>();

/** Runs `work` after every earlier call with the same key has ended, in this process. */
export async function serialised<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = tails.get(key) ?? Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const tail = before.then(() => promise);
  tails.set(key, tail);
  await before;
  try {
    return await work();
  } finally {
    resolve();
    if (tails.get(key) === tail) tails.delete(key);
  }
}

const STEPS_MS = [10, 20, 40, 80, 160, 300, 500, 900];

/** Tries again, for about 2 s in all, while another git process holds a lock. `work` must be safe to repeat. */
export async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  for (const step of STEPS_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isGitError(error, 'index-locked', 'ref-locked')) throw error;
      await delay(step);
    }
  }
  return work();
}
