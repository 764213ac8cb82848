const FIRST_MS = 50;
const CAP_MS = 1_000;

/** Wait before try number `attempt` (from 0): doubles from 50 ms to 1 s; the lower half is random, so that clients spread. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return full * (0.5 + random() * 0.5);
}
