import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { Database } from '../../store/database.ts';
import { isBusy } from '../../store/errors.ts';
import { takeSupervisorLock } from '../../store/lock.ts';

type LockPlace = Pick<ProjectLayout, 'lockDb'>;

const LOOK_MS = 50;

/** Whether a supervisor holds the lock. A reader needs it for microseconds only and never creates the file. */
export function isLocked({ lockDb }: LockPlace): boolean {
  if (!existsSync(lockDb)) return false;
  using lock = new Database(lockDb, { timeout: 0, readOnly: true });
  try {
    lock.get('SELECT count(*) FROM sqlite_schema');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  }
}

/** The same, with time for a supervisor that has just died to be started again. @returns true when one is there */
export async function isLockedWithin(place: LockPlace, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (isLocked(place)) return true;
    if (performance.now() > deadline) return false;
    await pause(LOOK_MS);
  }
}

/** Holds the lock meanwhile, which proves that there is no supervisor and keeps one from coming. @throws `supervisor-running` */
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
