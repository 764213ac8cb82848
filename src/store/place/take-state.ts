import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { withRuntimeDir, withStateDir, type ProjectLayout } from '../../domain/layout.ts';
import { WRAPPER_MARK } from '../../domain/marks.ts';
import { someoneListens } from '../../lib/unix-socket.ts';
import { waitFor } from '../../lib/wait.ts';
import { findMarked } from '../../process/marks.ts';
import { takeExistingLock } from '../lock.ts';
import { runtimeDirInUse } from './runtime-record.ts';
import { statesOf, withStateInUse } from './state-place.ts';

/** How long the lock may be held by something that is not a swarm at work, such as another `up` that renames, ms. */
const BUSY_MS = 2_000;

/**
 * The layout with the state directory in use, for a shell that brings the project up. The directory of an earlier
 * version gets its present name first, unless something of the project lives: that knows it by the name it has.
 */
export async function takeState(layout: ProjectLayout): Promise<ProjectLayout> {
  const what = 'the state directory of an earlier version to be free';
  try {
    return await waitFor(() => take(layout), { timeoutMs: BUSY_MS, intervalMs: 20, what });
  } catch (error) {
    // A supervisor that cannot be reached holds it.
    if (error instanceof SwarmError && error.code === 'timeout') return await withStateInUse(layout);
    throw error;
  }
}

/**
 * Moves the state of another repository, which was at this path before, out of the way; it stays as it is.
 * @returns where it lies now; null: something of that repository lives, and its state stays
 */
export async function setAside(layout: ProjectLayout, now: Date): Promise<string | null> {
  const kept = `${layout.stateDir}.kept-${now.toISOString().replaceAll(/[-:]|\..*/g, '')}`;
  const moved = await whileUnused(layout, () => renameSync(layout.stateDir, kept));
  return moved === 'done' ? kept : null;
}

/**
 * Does something with a state while no supervisor can begin in it.
 * @returns `lives`: not done, for something of its project lives; `busy`: not done, for another process has its lock
 */
export async function whileUnused(
  layout: ProjectLayout,
  work: () => void | Promise<void>,
): Promise<'done' | 'lives' | 'busy'> {
  if (await lives(layout)) return 'lives';
  using lock = existsSync(layout.lockDb) ? lockOrNull(layout.lockDb) : { [Symbol.dispose]: () => undefined };
  if (lock === null) return 'busy';
  if (await lives(layout)) return 'lives';
  await work();
  return 'done';
}

/** @returns null where another process holds the lock for a moment */
async function take(layout: ProjectLayout): Promise<ProjectLayout | null> {
  const { used } = await statesOf(layout.swarmStateDir, layout.hash);
  const present = path.join(layout.swarmStateDir, layout.hash);
  if (used === null) return layout;
  const found = withStateDir(layout, used);
  // Beside an older one of the present name it stays where it is: nothing is overwritten.
  if (used === present || existsSync(present) || !existsSync(found.lockDb) || (await lives(found))) return found;
  using lock = lockOrNull(found.lockDb);
  if (lock === null) return null;
  // Under the lock no supervisor can begin, and only a supervisor starts agents.
  if (await lives(found)) return found;
  renameSync(used, present);
  return withStateDir(layout, present);
}

async function lives(layout: ProjectLayout): Promise<boolean> {
  const { apiSocket, tmuxSocket } = withRuntimeDir(layout, await runtimeDirInUse(layout));
  if ((await someoneListens(apiSocket)) || (await someoneListens(tmuxSocket))) return true;
  return findMarked(WRAPPER_MARK, layout.hash).length > 0;
}

function lockOrNull(lockDb: string): Disposable | null {
  try {
    return takeExistingLock(lockDb);
  } catch (error) {
    // Held, or the directory was renamed by another `up` a moment ago.
    if (!existsSync(lockDb) || (error instanceof SwarmError && error.code === 'supervisor-running')) return null;
    throw error;
  }
}
