import { SwarmError } from '../domain/errors.ts';
import { sleep, systemClock, type Clock } from './clock.ts';

export interface WaitOptions {
  timeoutMs: number;
  /** Pause between two checks, ms (50). */
  intervalMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Ends the sentence "gave up after 5 s waiting for …". */
  what: string;
  clock?: Clock | undefined;
}

type NotYet = false | null | undefined;

/**
 * Calls `check` until its result is neither false, null nor undefined, and returns that result. A check that never
 * settles is given up at the same deadline; one that throws ends the wait with its error.
 * @throws SwarmError `timeout` (exit code 3); the signal's reason when aborted
 */
export async function waitFor<T>(check: () => T | NotYet | Promise<T | NotYet>, options: WaitOptions): Promise<T> {
  const { timeoutMs, intervalMs = 50, what, clock = systemClock } = options;
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const left = deadline - clock.monotonic();
    const answer = await bounded(check, Math.max(0, left), options.signal, clock);
    if (answer.settled && answer.value !== false && answer.value !== null && answer.value !== undefined) {
      return answer.value;
    }
    const rest = deadline - clock.monotonic();
    if (!answer.settled || rest <= 0) {
      const seconds = (timeoutMs / 1000).toFixed(timeoutMs < 10_000 ? 1 : 0);
      throw new SwarmError('timeout', `gave up after ${seconds} s waiting for ${what}`, { exitCode: 3 });
    }
    await sleep(clock, Math.min(intervalMs, rest), options.signal);
  }
}

type Answer<T> = { settled: true; value: T } | { settled: false };

async function bounded<T>(
  check: () => T | Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<Answer<T>> {
  const value = check();
  if (!(value instanceof Promise)) return { settled: true, value };
  const done = new AbortController();
  const limit = sleep(clock, ms, signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]));
  try {
    return await Promise.race([
      value.then((settled): Answer<T> => ({ settled: true, value: settled })),
      limit.then((): Answer<T> => ({ settled: false })),
    ]);
  } finally {
    // The loser of the race is ended and its rejection handled, or the process would report it as unhandled.
    done.abort();
    void Promise.allSettled([limit, value]);
  }
}
