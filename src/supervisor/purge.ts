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
 * Removes the agents' worktrees and what swarm remembers of the project. Fails closed: each worktree is captured first
 * and removed only as far as plain git does it; where one is kept, the memory is kept too. Task branches and checkpoints
 * stay in the repository in any case.
 */
export async function purgeProject(layout: ProjectLayout, log: Logger): Promise<void> {
  const { root, worktreesDir, gitCommonDir, shadowGit } = layout;
  let kept = 0;
  const ours = (await listWorktrees(root)).filter(({ path: place, missing }) => !missing && path.dirname(place) === worktreesDir);
  for (const { path: worktree } of ours) {
    // `worker-1`, and for its further slots `worker-1.2`.
    const agent = path.basename(worktree).replace('.', '-slot-');
    try {
      await new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent }).capture({ reason: 'before-purge' });
      await removeWorktree({ root, path: worktree });
    } catch (error) {
      kept += 1;
      log.warn({ err: error, worktree }, 'a worktree was kept');
    }
  }
  if (kept > 0) return;
  // Only if nothing of anybody else lies in it.
  await rmdir(worktreesDir).catch((error: unknown) => log.info({ err: error }, 'the directory of worktrees was kept'));
  await rm(layout.stateDir, { recursive: true, force: true });
}
