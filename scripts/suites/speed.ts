import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The usual work of tests: programs are started, as many at once as there are processors, two at most. */
const ROWS = Math.min(2, availableParallelism());
const STARTS = 20;
/** Time of that work on the machine for which the budgets were measured, when it does nothing else. */
const USUAL_MS = 900;
/** A machine that is slower still has a fault, and must not keep a person waiting for hours. */
const MOST = 3;

/** How many times as long as usual everything takes on this machine now: 1 to 3, with one decimal. */
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
