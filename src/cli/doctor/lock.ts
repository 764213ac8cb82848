import { existsSync } from 'node:fs';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { isSupervisorLocked, takeSupervisorLock } from '../../store/lock.ts';

type LockPlace = Pick<ProjectLayout, 'lockDb'>;

const LOOK_MS = 50;

/** Whether a supervisor lives, with time for one that has just died to be started again. */
export async function isLockedWithin(place: LockPlace, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (isSupervisorLocked(place.lockDb)) return true;
    if (performance.now() > deadline) return false;
    await sleep(systemClock, LOOK_MS);
  }
}

/**
 * Runs `work` while holding the lock, which proves that there is no supervisor and prevents a new one.
 * @throws `supervisor-running`
 */
export async function whileDown<T>(place: LockPlace, work: () => Promise<T>): Promise<T> {
  if (!existsSync(place.lockDb)) return await work();
  using _lock = takeLock(place.lockDb);
  return await work();
}

function takeLock(file: string): Disposable {
  try {
    return takeSupervisorLock(file);
  } catch (error) {
    if (!(error instanceof SwarmError) || error.code !== 'supervisor-running') throw error;
    throw new SwarmError(error.code, 'a supervisor has come up meanwhile', {
      hint: 'Run `swarm doctor` again.',
      cause: error,
      retrySafe: true,
    });
  }
}
