import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { ProjectLayout } from '../../domain/layout.ts';
import { removedAgentSchema, type OperationData } from '../../store/operation-data.ts';
import type { Operation } from '../../store/operations.ts';
import type { Store } from '../../store/store.ts';

export type RemovedAgent = OperationData<'rm'>;

/**
 * A removed agent for the record of a purge, together with an earlier purge that had to keep another of its worktrees.
 * `found` are the worktrees that this purge found: they were made anew meanwhile. Pure.
 */
export function withEarlier(
  agent: RemovedAgent,
  last: Operation | undefined,
  found: ReadonlySet<string>,
): RemovedAgent {
  if (last?.kind !== 'purge') return agent;
  const earlier = last.data.worktrees.filter(({ path: place }) => !found.has(place));
  const isOwn = ({ path: place }: { path: string }): number => Number(path.basename(place) === agent.row.id);
  // Once its own worktree exists the agent counts as made anew.
  return { ...agent, worktrees: [...earlier, ...agent.worktrees].sort((a, b) => isOwn(a) - isOwn(b)) };
}

/** Agents that were removed before and can be restored, except those that exist again. Pure. */
export function removedBefore(last: readonly Operation[], present: readonly { id: string }[]): RemovedAgent[] {
  const ids = new Set(present.map(({ id }) => id));
  return last.flatMap((operation) => {
    const isRemoval = operation.kind === 'rm' || operation.kind === 'purge';
    return isRemoval && !ids.has(operation.agent) ? [operation.data] : [];
  });
}

/**
 * Takes over the file that an earlier `down --purge` left beside the state directory, so that the purge can be undone.
 */
export async function recallPurged({ purgedFile }: Pick<ProjectLayout, 'purgedFile'>, store: Store): Promise<void> {
  let text: string;
  try {
    text = await readFile(purgedFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const agents = z.array(removedAgentSchema).parse(JSON.parse(text));
  await store.write(() => {
    for (const agent of agents) store.operations.begin('purge', agent.row.id, agent, 'done');
  });
  await rm(purgedFile, { force: true });
}
