import { existsSync, readdirSync } from 'node:fs';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { waitFor } from '../../lib/wait.ts';
import { belongingOf, earlierLayout } from '../../store/place/belonging.ts';
import { readRecord } from '../../store/place/project-record.ts';
import { whileUnused } from '../../store/place/take-state.ts';
import { moveState } from './move-state.ts';
import { movedError, wasText } from './moved.ts';
import { isLocked } from './project.ts';

/** How long another `up` may take to do the same, ms. */
const BUSY_MS = 10_000;

export interface TakenOver {
  layout: ProjectLayout;
  /** For the person. */
  note: string;
}

/**
 * Has the state of a repository whose folder was renamed count for its present place. Agents' worktrees stay where they
 * are. After a kill at any point the next call goes on; nothing is removed.
 * @returns null: it was not moved
 * @throws SwarmError `moved`: something of it lives under the earlier name, or is in the way
 */
export async function takeOverMoved(layout: ProjectLayout): Promise<TakenOver | null> {
  const first = belongingOf(layout);
  if (first.kind !== 'moved') return null;
  const attempt = async (): Promise<true | null> => {
    const found = belongingOf(layout);
    if (found.kind !== 'moved') return true;
    if (isInTheWay(layout.stateDir)) throw movedError(found, layout, 'in the way');
    const earlier = earlierLayout(found, layout);
    const ended = await whileUnused(earlier, () => moveState(found, layout));
    if (ended === 'lives') throw movedError(found, layout, (await isLocked(earlier)) ? 'up' : 'lives');
    return ended === 'done' ? true : null;
  };
  try {
    await waitFor(attempt, { timeoutMs: BUSY_MS, intervalMs: 50, what: 'the swarm of the earlier folder to end' });
  } catch (error) {
    throw error instanceof SwarmError && error.code === 'timeout' ? movedError(first, layout, 'up') : error;
  }
  const { worktreesDir } = readRecord(layout.recordFile) ?? layout;
  const stay = existsSync(worktreesDir) ? ` The worktrees of its agents are in ${worktreesDir}.` : '';
  return {
    layout: { ...layout, worktreesDir },
    note: `${wasText(first, layout)}: its tasks and checkpoints go on here.${stay}`,
  };
}

/** An empty directory is replaced. */
const isInTheWay = (stateDir: string): boolean => existsSync(stateDir) && readdirSync(stateDir).length > 0;
