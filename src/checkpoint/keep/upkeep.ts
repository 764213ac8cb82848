import { SwarmError } from '../../domain/errors.ts';
import { announced } from '../capture/git-gc-guard.ts';
import { readJournal } from '../restore/journal.ts';
import { planPurge, purgeObjects } from './purge.ts';
import type { Keeper, Purged } from './purge.ts';
import { pinPrefix, refPrefix } from '../refs/checkpoint-commit.ts';
import { marksOf, unmarked } from '../refs/numbers.ts';
import { findCheckpoint, listAllCheckpoints, updateRefs } from '../refs/refs.ts';
import { expired } from './retention.ts';
import type { Retention } from './retention.ts';
import type { Checkpoint } from '../tree/types.ts';

/** Pins a checkpoint, so that retention keeps it for ever, or unpins it. */
export async function pinCheckpoint(
  place: Keeper & { agent: string },
  n: number,
  pinned: boolean,
): Promise<Checkpoint> {
  const found = await findCheckpoint(place, n);
  if (found.pinned === pinned) return found;
  const ref = `${pinPrefix(place.agent)}${n}`;
  await updateRefs(place.gitCommonDir, [pinned ? `create ${ref} ${found.commit}` : `delete ${ref}`]);
  return { ...found, pinned };
}

/**
 * Removes the checkpoints that retention no longer keeps, of one agent or of all; `dryRun` only returns them. The disk
 * space comes back with git's own collection, which leaves young objects alone.
 */
export async function pruneCheckpoints(
  keeper: Keeper,
  retention: Retention,
  options: { agent?: string | undefined; dryRun?: boolean | undefined; now: number },
): Promise<{ removed: Checkpoint[]; kept: number }> {
  const all = (await listAllCheckpoints(keeper.gitCommonDir)).filter(
    ({ agent }) => options.agent === undefined || agent === options.agent,
  );
  const removed: Checkpoint[] = [];
  for (const [agent, checkpoints] of Map.groupBy(all, (checkpoint) => checkpoint.agent)) {
    // A damaged checkpoint has no readable age, and its remains may be all that is left of the work.
    const readable = checkpoints.filter(({ damaged }) => !damaged);
    const gone = new Set(expired(readable, retention, options.now, await heldByRollback({ ...keeper, agent })));
    removed.push(...checkpoints.filter(({ n }) => gone.has(n)));
  }
  if (options.dryRun !== true) await updateRefs(keeper.gitCommonDir, removed.map(deletion));
  return { removed, kept: all.length - removed.length };
}

/**
 * Drops checkpoints: all of those named, or none. With `purge` their contents are removed from the repository too.
 * Errors: `unknown-checkpoint`, `checkpoint-pinned`, `rollback-under-way`.
 */
export async function dropCheckpoints(
  place: Keeper & { agent: string },
  numbers: readonly number[],
  purge: boolean,
): Promise<{ dropped: Checkpoint[]; purged: Purged | null }> {
  const held = await heldByRollback(place);
  const dropped: Checkpoint[] = [];
  for (const n of new Set(numbers)) {
    const found = await findCheckpoint(place, n);
    if (found.pinned) throw pinnedError(found);
    if (held.has(n)) throw neededError(n);
    dropped.push(found);
  }
  const marks = await marksOf(
    place,
    dropped.map(({ n }) => n),
  );
  await updateRefs(place.gitCommonDir, [...marks, ...dropped.map(deletion)]);
  if (!purge) return { dropped, purged: null };
  return announced(place, async () => {
    const plan = await planPurge(place, dropped).catch(async (error: unknown) => {
      // The contents are complete: the refs are created again, so that another purge finds the checkpoints.
      await updateRefs(place.gitCommonDir, [...unmarked(marks), ...dropped.map(creation)]);
      throw error;
    });
    return { dropped, purged: await purgeObjects(place, plan) };
  });
}

function pinnedError({ agent, n }: Checkpoint): SwarmError {
  return new SwarmError('checkpoint-pinned', `checkpoint ${n} of ${agent} is pinned`, {
    hint: `First: \`swarm checkpoint unpin ${agent} ${n}\``,
  });
}

function neededError(n: number): SwarmError {
  return new SwarmError('rollback-under-way', `a rollback that has not ended needs checkpoint ${n}`, {
    hint: 'Restart the agent: an interrupted rollback is finished first. Or wait for the one that runs.',
  });
}

const creation = ({ agent, n, commit }: Checkpoint): string => `create ${refPrefix(agent)}${n} ${commit}`;
const deletion = ({ agent, n, commit }: Checkpoint): string => `delete ${refPrefix(agent)}${n} ${commit}`;

async function heldByRollback(place: Keeper & { agent: string }): Promise<Set<number>> {
  const journal = await readJournal(place);
  return journal === null || journal === 'unbegun' ? new Set() : new Set([journal.n, journal.safety]);
}
