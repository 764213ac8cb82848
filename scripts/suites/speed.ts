import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** What the tests do most: programs are started, as many at once as there are processors, two at most. */
const ROWS = Math.min(2, availableParallelism());
const STARTS = 20;
/** So long it takes on the machine that the budgets are measured on, when that does nothing else. */
const USUAL_MS = 900;
/** A machine that is slower still has something wrong, and must not hold up for hours who waits for the tests. */
const MOST = 3;

/** How many times as long as usual everything takes here and now: 1 to 3, with one decimal. */
export async function slowness(): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: ROWS }, startOneAfterAnother));
  const times = (performance.now() - startedAt) / USUAL_MS;
  return Math.round(Math.min(Math.max(times, 1), MOST) * 10) / 10;
}

async function startOneAfterAnother(): Promise<void> {
  for (let n = 0; n < STARTS; n += 1) {
    await once(spawn(process.execPath, ['--eval', '0'], { stdio: 'ignore' }), 'exit');
  }
}
