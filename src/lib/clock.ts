/** Time as a parameter, so that what waits for minutes can be tested in milliseconds. */
export interface Clock {
  /** Wall time, ms since the epoch. May jump: never measure a duration with it. */
  now(): number;
  /** Monotonic, ms since an arbitrary start. Stands still while the machine is suspended. */
  monotonic(): number;
  /** Resolves after `ms` (≤ 0: on the next turn of the event loop). Rejects with `signal.reason` when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout takes a 32-bit number and fires at once above it. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    let left = ms;
    while (left > LONGEST_TIMER_MS) {
      await timer(LONGEST_TIMER_MS, signal);
      left -= LONGEST_TIMER_MS;
    }
    await timer(left, signal);
  },
};

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const aborted = (): void => {
      clearTimeout(handle);
      reject(signal?.reason as Error);
    };
    const handle = setTimeout(
      () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      },
      Math.max(0, ms),
    );
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
