import { existsSync } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import { Database } from './database.ts';
import { isBusy, storeError } from './errors.ts';
import { privateFile } from './files.ts';

/**
 * Takes the right to be this project's supervisor: an exclusive transaction on a file without data, kept open for life.
 * The kernel frees it when the process ends, however it ends, so there is no stale lock and no pid to trust. Throws
 * SwarmError `supervisor-running` at once when another process holds it.
 */
export function takeSupervisorLock(lockPath: string): Disposable {
  privateFile(lockPath);
  return takeExistingLock(lockPath);
}

/** The same where the file must exist: nothing is made. */
export function takeExistingLock(lockPath: string): Disposable {
  const lock = new Database(lockPath, { timeout: 0 });
  try {
    // Nothing is ever written, so no journal is needed: this way a kill leaves no empty one behind.
    lock.exec('PRAGMA journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw storeError(error, lockPath);
    throw new SwarmError('supervisor-running', 'A supervisor runs for this project already.', {
      hint: 'Use it (`swarm status`), or end it with `swarm down`.',
      cause: error,
      retrySafe: true,
    });
  }
  return lock;
}

/**
 * Whether a supervisor holds the lock. The check takes it for microseconds, as a reader, and never creates the file.
 */
export function isSupervisorLocked(lockPath: string): boolean {
  if (!existsSync(lockPath)) return false;
  using lock = new Database(lockPath, { timeout: 0, readOnly: true });
  try {
    lock.get('SELECT count(*) FROM sqlite_schema');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw storeError(error, lockPath);
  }
}
