import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import type { AgentSpec } from '../../coordination/link.ts';
import { relink } from '../../git/worktree/relink.ts';
import { addWorktree } from '../../git/worktree/worktrees.ts';
import { cleanLitter } from '../../git/worktree/litter.ts';
import { commitTurn, type CommittedTurn } from '../../git/task/commit-turn.ts';
import { clearStaleLocks } from '../../git/repository/stale-lock.ts';
import { inspectResult } from '../../git/task/inspect-result.ts';
import { prepareTask } from '../../git/task/prepare-task.ts';
import { worktreeGitDir } from '../../git/repository/operations.ts';
import { taskBranch } from '../../git/task/task-branches.ts';
import { readBegunTask, writeBegunTask } from '../../git/worktree/worktree-task.ts';
import { worksInside } from '../../process/index.ts';
import type { Captured, WhyCapture, Workspace } from '../contract/effects.ts';

/** The checkpoints of one worktree. */
export interface Checkpoints {
  capture(request: WhyCapture): Promise<Captured>;
  captureIfStirred(request: WhyCapture): Promise<Captured | null>;
  close(): void;
}

/** The worktree of a slot: slot 0 works in the agent's own, each further slot in one beside it. */
export function slotWorktree(spec: Pick<AgentSpec, 'worktree'>, slot: number): string {
  return slot === 0 ? spec.worktree : `${spec.worktree}.${slot}`;
}

/** Copies, links and runs what the config asks for in the worktree of a further slot, once. */
export type SetUpSlot = (signal: AbortSignal) => Promise<void>;

export function openWorkspace(
  spec: AgentSpec,
  slot: number,
  checkpoints: Checkpoints,
  setUp: SetUpSlot = () => Promise.resolve(),
): Workspace {
  const worktree = slotWorktree(spec, slot);
  // Removes locks that a killed git left. Done while nothing of an attempt runs, so that no living git holds them.
  const unlock = (branch: string): Promise<unknown> =>
    clearStaleLocks({ worktree, gitCommonDir: spec.gitCommonDir, refs: [`heads/${branch}`] }, () =>
      worksInside([realpathSync(worktree)], 'git'),
    );
  return {
    path: worktree,
    async ensure(signal) {
      if (slot === 0) {
        if (existsSync(worktree)) return;
        throw new SwarmError('no-worktree', `the worktree ${worktree} is gone`, {
          hint: `Run \`swarm restart ${spec.agent}\`.`,
        });
      }
      if (!existsSync(worktree)) await addWorktree({ root: spec.root, path: worktree, commit: spec.base.commit });
      await setUp(signal);
    },
    relink: () => relink({ gitCommonDir: spec.gitCommonDir, worktree }),
    begunTask: () => readBegunTask(worktreeGitDir(worktree)),
    async prepare(order, checkpoint) {
      const branch = taskBranch(order.task);
      await unlock(branch);
      await writeBegunTask(worktreeGitDir(worktree), null);
      const { commit, conflict, leftovers, aside, notes } = await prepareTask({
        root: spec.root,
        worktree,
        checkpoint,
        taskBranch: branch,
        base: order.base,
        on: order.on?.commit ?? null,
        merges: order.dependencies.flatMap(({ task, commit: result }) =>
          result === null ? [] : [{ task, commit: result }],
        ),
      });
      const submodules = existsSync(path.join(worktree, '.gitmodules'));
      return { branch, commit, leftovers, aside, notes, conflict, submodules };
    },
    begun: ({ task, attempt }, sessionId) => writeBegunTask(worktreeGitDir(worktree), { task, attempt, sessionId }),
    async commit(order) {
      await unlock(taskBranch(order.task));
      const committed = await commitTurn({
        worktree,
        branch: taskBranch(order.task),
        base: order.base,
        message: order.title,
        trailers: { 'Swarm-Task': order.task, 'Swarm-Agent': spec.agent, 'Swarm-Attempt': String(order.attempt) },
      });
      const { head: commit, branch: at } = committed;
      if (committed.outcome === 'unresolved')
        return { commit, branch: at, unresolved: unresolvedOf(committed, order.task), notes: [] };
      const inspected = await inspectResult({ root: spec.root, worktree, base: order.base, commit });
      return { commit, branch: at, ...inspected, notes: [...committed.notes, ...inspected.notes] };
    },
    async clean(commit) {
      await cleanLitter(worktree, commit);
    },
    capture: (request) => checkpoints.capture(request),
    captureIfStirred: (request) => checkpoints.captureIfStirred(request),
    close: () => checkpoints.close(),
  };
}

function unresolvedOf(turn: Extract<CommittedTurn, { outcome: 'unresolved' }>, task: string): string[] {
  const own = taskBranch(task);
  if (turn.astray !== undefined)
    return [
      `(HEAD is on ${turn.astray}, and ${own} has commits that are not there: bring what belongs to ${task} to ${own}, and stay on it)`,
    ];
  return turn.files.length > 0 ? [...turn.files] : [`(a ${turn.operation} is under way)`];
}
