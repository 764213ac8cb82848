import os from 'node:os';
import { sleep, systemClock } from '../lib/clock.ts';
import { findMarked, isAlive, type ProcessIdentity } from '../process/index.ts';

/** Environment variable of every process that belongs to one broker directory; children of the node inherit it. */
export const BROKER_MARK = 'SWARM_BROKER';

/** Processes of this user whose environment says that they belong to `dir`. */
export function processesOf(dir: string): ProcessIdentity[] {
  return findMarked(BROKER_MARK, dir).map(({ identity }) => identity);
}

/** Milliseconds since the process started; Linux only. */
export function ageMs({ startTime }: ProcessIdentity): number {
  // USER_HZ is 100 on every Linux that Node runs on.
  return os.uptime() * 1000 - Number(startTime) * 10;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Waits until the process is gone. @returns false when it still lives after `timeoutMs` */
async function waitGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(systemClock, 10);
  }
  return true;
}

/**
 * Ends one process: SIGTERM, up to `graceMs`, then SIGKILL. Not its helpers: a node whose helpers end first breaks off
 * and does not write down its queues.
 * @returns true when it is gone
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<boolean> {
  if (graceMs > 0) {
    signal(identity, 'SIGTERM');
    if (await waitGone(identity, graceMs)) return true;
  }
  signal(identity, 'SIGKILL');
  return waitGone(identity, 5_000);
}
