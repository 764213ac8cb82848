import { mkdirSync, renameSync } from 'node:fs';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { StoredAgent } from '../../store/agents.ts';
import { readRecord, writeRecord } from '../../store/place/project-record.ts';
import { listStates } from '../../store/place/state-place.ts';
import type { Store } from '../../store/store.ts';
import { ownerOf, reasonText, removeExamined, type RemovalOutcome } from './remove-worktree.ts';
import { releasePorts } from '../../worktree/port-blocks.ts';
import { removedBefore, withEarlier, type RemovedAgent } from './removed-agent.ts';
import type { Teardown } from '../worktree/teardown.ts';

/** `force`: work in the worktrees is moved to checkpoints instead of keeping them. */
export interface Purge {
  force: boolean;
}

/**
 * Removes the agents' worktrees, each examined in that moment. Task branches and checkpoints stay in the repository in
 * any case, and the removed worktrees are written down for `undo`: beside the state directory, which is forgotten next.
 * @throws Error when a worktree was kept: then the memory of the project is kept too, with the removed ones in it
 */
export async function removeWorktrees(
  layout: ProjectLayout,
  store: Pick<Store, 'agents' | 'operations' | 'write'>,
  { force, limits, teardown }: Purge & { limits: CheckpointLimits; teardown: Teardown },
  log: Logger,
): Promise<void> {
  const { root, worktreesDir, keptFile, purgedFile } = layout;
  const agents = store.agents.list();
  const outcomes: RemovalOutcome[] = [];
  const ours = (await listWorktrees(root)).filter(
    ({ path: place, missing }) => !missing && path.dirname(place) === worktreesDir,
  );
  for (const { path: worktree } of ours) {
    const { agent, checkpoints } = ownerOf(worktree);
    const sessionId = agents.find(({ id }) => id === agent)?.sessionId ?? null;
    const request = { layout, limits, worktree, agent: checkpoints, force, reason: 'before-purge', sessionId };
    outcomes.push(await removeExamined({ ...request, teardown: () => teardown(worktree) }));
  }
  const found = new Set(outcomes.map(({ worktree }) => worktree));
  const removed = agents
    .map((row): RemovedAgent => ({ row, worktrees: worktreesOf(row, outcomes) }))
    .map((agent) => withEarlier(agent, store.operations.lastDone(agent.row.id), found));
  const kept = outcomes.filter((outcome) => !outcome.removed);
  for (const outcome of kept) log.warn(outcome, 'a worktree was kept');
  if (kept.length > 0) {
    const told = kept.map(({ worktree, reasons }) => ({ worktree, why: reasonText(reasons) }));
    await writeFileAtomic(keptFile, JSON.stringify(told), { mode: 0o600 });
    const gone = removed.filter(({ row }) => worktreesOf(row, outcomes).length > 0);
    await store.write(() => {
      for (const agent of gone) store.operations.begin('purge', agent.row.id, agent, 'done');
    });
    throw new Error(`kept ${kept.map(({ worktree }) => worktree).join(', ')}`);
  }
  await mkdir(path.dirname(purgedFile), { recursive: true, mode: 0o700 });
  const forgotten = [...removed, ...removedBefore(store.operations.lastDoneOfEach(), agents)];
  await writeFileAtomic(purgedFile, JSON.stringify(forgotten), { mode: 0o600 });
  // Only an empty directory is removed.
  await rmdir(worktreesDir).catch((error: unknown) => log.info({ err: error }, 'the directory of worktrees was kept'));
}

/** The worktrees that were removed. */
function worktreesOf({ id }: StoredAgent, outcomes: readonly RemovalOutcome[]): RemovedAgent['worktrees'] {
  return outcomes
    .filter(({ removed, worktree }) => removed && ownerOf(worktree).agent === id)
    .map(({ worktree, checkpoint }) => ({ path: worktree, checkpoint }));
}

/**
 * Removes swarm's memory of the project. The store must have been closed a moment ago: the directory is out of the next
 * supervisor's way before this returns for the first time.
 */
export async function forgetProject(layout: ProjectLayout): Promise<void> {
  const { stateDir, portsDir, hash, swarmStateDir } = layout;
  await releasePorts(portsDir, hash);
  const id = readRecord(layout.recordFile)?.id ?? null;
  const gone = `${stateDir}.gone-${process.pid}`;
  renameSync(stateDir, gone);
  if (listStates(swarmStateDir).some((state) => state.hash === hash)) {
    // An older one must not come to count by that, with tasks that are as good as forgotten.
    mkdirSync(stateDir, { mode: 0o700 });
    await writeRecord(layout, id);
  }
  await rm(gone, { recursive: true, force: true });
}
