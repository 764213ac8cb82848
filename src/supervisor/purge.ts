import { renameSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { CheckpointStore } from '../checkpoint/store.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { listWorktrees, removeWorktree } from '../git/worktrees.ts';

/** What a later `up` makes anew, and what holds secrets meanwhile. */
export async function removeRuntimeFiles({ envSnapshot, specDir, supervisorPidFile }: ProjectLayout): Promise<void> {
  for (const file of [envSnapshot, supervisorPidFile]) await rm(file, { force: true });
  await rm(specDir, { recursive: true, force: true });
}

/**
 * Removes the agents' worktrees. Fails closed: each is captured first and removed only as far as plain git does it. Task
 * branches and checkpoints stay in the repository in any case.
 * @throws Error when one was kept: then the memory of the project is to be kept too
 */
export async function removeWorktrees(layout: ProjectLayout, log: Logger): Promise<void> {
  const { root, worktreesDir, gitCommonDir, shadowGit } = layout;
  const kept: string[] = [];
  const ours = (await listWorktrees(root)).filter(
    ({ path: place, missing }) => !missing && path.dirname(place) === worktreesDir,
  );
  for (const { path: worktree } of ours) {
    // `worker-1`, and for its further slots `worker-1.2`.
    const agent = path.basename(worktree).replace('.', '-slot-');
    try {
      await new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent }).capture({ reason: 'before-purge' });
      await removeWorktree({ root, path: worktree });
    } catch (error) {
      kept.push(worktree);
      log.warn({ err: error, worktree }, 'a worktree was kept');
    }
  }
  if (kept.length > 0) throw new Error(`kept ${kept.join(', ')}`);
  // Only if nothing of anybody else lies in it.
  await rmdir(worktreesDir).catch((error: unknown) => log.info({ err: error }, 'the directory of worktrees was kept'));
}

/**
 * Removes what swarm remembers of the project. The store must have been closed a moment ago: the directory is out of
 * the next supervisor's way before this returns for the first time.
 */
export async function forgetProject({ stateDir }: ProjectLayout): Promise<void> {
  const gone = `${stateDir}.gone-${process.pid}`;
  renameSync(stateDir, gone);
  await rm(gone, { recursive: true, force: true });
}
