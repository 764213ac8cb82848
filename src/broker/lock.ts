import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SwarmError } from '../domain/errors.ts';
import { sleep, systemClock } from '../lib/clock.ts';

const SQLITE_BUSY = 5;

function tryLock(file: string): DatabaseSync | null {
  // No wait inside SQLite: that would block the whole event loop of a supervisor.
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null;
    throw error;
  }
}

/**
 * Takes the lock of a broker's directory. Closing frees it, and the kernel does when the holder dies.
 * @throws `broker-busy` after `timeoutMs`
 */
export async function lockBroker(dir: string, timeoutMs: number, signal?: AbortSignal): Promise<Disposable> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const database = tryLock(path.join(dir, 'lock.db'));
    if (database !== null) return { [Symbol.dispose]: () => database.close() };
    if (performance.now() > deadline) {
      throw new SwarmError(
        'broker-busy',
        `Another process has been starting or stopping the broker in ${dir} for too long`,
        {
          retrySafe: true,
          exitCode: 3,
          hint: 'Try again; `swarm broker status` shows what it is doing.',
        },
      );
    }
    await sleep(systemClock, 5 + Math.random() * 20, signal);
  }
}
