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
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const aborted = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = after(ms, () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
      signal?.addEventListener('abort', aborted, { once: true });
    }),
};

/** Runs once after `ms`, however long that is (≤ 0: on the next turn of the event loop); the returned function cancels. */
export function after(ms: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const step = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => (left > step ? arm(left - step) : run()), Math.max(0, step));
  };
  arm(ms);
  return () => clearTimeout(timer);
}
