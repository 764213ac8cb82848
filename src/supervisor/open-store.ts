import process from 'node:process';
import type { Logger } from 'pino';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { waitFor } from '../lib/wait.ts';
import { isAlive, type ProcessIdentity } from '../process/index.ts';
import { Store } from '../store/store.ts';

/** Longer than the longest end: steps under way, then the links, the broker and the last events. */
const TAKE_OVER_MS = 20_000;
/** Wrappers start a supervisor of their own build some 300 ms after theirs has gone. */
const TAKE_OVER_STEP_MS = 5;

/** The store, and with it the right to be the project's supervisor; null: another process has it. */
export function openStore({ db, lockDb }: ProjectLayout, log: Logger): Store | null {
  try {
    return Store.open({
      path: db,
      lockPath: lockDb,
      onBroken: (what, why) => log.error({ what, why }, 'what was kept cannot be read, and counts as absent'),
    });
  } catch (error) {
    if (error instanceof SwarmError && error.code === 'supervisor-running') return null;
    throw error;
  }
}

/**
 * The same after another supervisor was asked to end: its agents live on, and this one adopts them. By waiting for the
 * lock while it is still held, this one gets it before the wrappers can start the other build again.
 * @returns null where it did not end in time, or another process was quicker
 */
export async function takeOverStore(layout: ProjectLayout, from: ProcessIdentity, log: Logger): Promise<Store | null> {
  log.info({ from: from.pid }, 'taking over from a supervisor of another build');
  if (isAlive(from)) process.kill(from.pid, 'SIGTERM');
  try {
    return await waitFor(() => openStore(layout, log), {
      timeoutMs: TAKE_OVER_MS,
      intervalMs: TAKE_OVER_STEP_MS,
      what: `supervisor ${from.pid} to go`,
    });
  } catch (error) {
    if (error instanceof SwarmError && error.code === 'timeout') return null;
    throw error;
  }
}
