/** Time as a parameter, so that a wait of minutes is tested in milliseconds. */
export interface Clock {
  /** Wall time, ms since the epoch. May jump: for times that people and other processes read, never for a duration. */
  now(): number;
  /** Monotonic, ms since an arbitrary start. Stands still while the machine is suspended. */
  monotonic(): number;
  /** Runs once after `ms` (≤ 0: on the next turn of the event loop); the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

/** setTimeout takes a 32-bit number and fires at once above it. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(left, LONGEST_TIMER_MS);
      timer = setTimeout(() => (left > step ? arm(left - step) : run()), Math.max(0, step));
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};

/** Aborts after `ms` (at most 24 days) with a TimeoutError. It keeps no process alive. */
export function timeLimit(ms: number): AbortSignal {
  return AbortSignal.timeout(Math.ceil(Math.min(Math.max(0, ms), LONGEST_TIMER_MS)));
}

/** Resolves after `ms`. Rejects with `signal.reason` when aborted. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await pause(clock, ms, signal);
  signal?.throwIfAborted();
}

/** Resolves after `ms`, or at once when the signal aborts, which the caller must check. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
