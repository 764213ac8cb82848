import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { Aside } from '../worktree/aside.ts';
import { printable } from '../bytes.ts';
import { clearWay } from '../worktree/clear-way.ts';
import { openingDirectories } from '../worktree/closed-directories.ts';
import { isGitError } from '../errors.ts';
import { runGit } from '../git.ts';
import { identityEnvironment } from '../identity.ts';
import { heldBy, removeLeftovers } from '../worktree/leftovers.ts';
import { whileLocked } from '../lock.ts';
import { clearOperation, operationUnderWay, worktreeGitDir } from '../repository/operations.ts';
import { commitOf, resolveAll } from '../repository/resolve.ts';
import { isClean, readStatus } from '../repository/status.ts';
import type { WorktreeStatus } from '../repository/status.ts';
import { differsInSparse, followSparse } from '../worktree/sparse.ts';
import { syncSubmodules } from './sync-submodules.ts';
import { taskBranchesBlocked } from './task-branches.ts';
import { listWorktrees } from '../worktree/worktrees.ts';

export interface TaskMerge {
  task: string;
  commit: string;
}

export interface PrepareTask {
  /** The person's checkout, whose copies of submodules are used. */
  root: string;
  worktree: string;
  /** `swarm/task/<id>`: created, or reset when an earlier attempt left it. */
  taskBranch: string;
  /** A branch (its present tip), or a fixed commit. */
  base: { branch: string | null; commit: string };
  /** Start here instead of the base. */
  on: string | null;
  /** Results of the dependencies, merged in this order. */
  merges: readonly TaskMerge[];
  /** A commit of the worktree as it is, taken just now: only files that it holds are deleted or overwritten. */
  checkpoint: string;
  signal?: AbortSignal | undefined;
}

export interface Prepared {
  /** HEAD of the prepared branch; with a conflict, the commit at which the merge began. */
  commit: string;
  /** The commit from base and `on`, before the merges. */
  base: string;
  /** True when the worktree was clean and at the start commit, so that no file was touched. */
  fastPath: boolean;
  /** The merge that the agent must finish; the merges in `remaining` were not begun. */
  conflict: { task: string; commit: string; files: string[]; remaining: TaskMerge[] } | null;
  /** Untracked files and uncommitted changes of the task before, which were removed. */
  leftovers: string[];
  /** Directories with the leftovers that the checkpoint does not hold. */
  aside: string[];
  /** What was kept of submodules, or failed with them: sentences for people. */
  notes: string[];
}

/**
 * Sets a worktree to the start of a task. Ignored files stay, except those that are in the task's start. Errors:
 * `unknown-revision`, `unknown-base`, `task-branches-blocked`, `branch-in-use`, `cannot-put-aside`, `closed-directory`,
 * those of git.
 */
export async function prepareTask(task: PrepareTask): Promise<Prepared> {
  return openingDirectories(task.worktree, () => prepare(task));
}

async function prepare(task: PrepareTask): Promise<Prepared> {
  const { worktree, signal } = task;
  const gitDir = worktreeGitDir(worktree);
  const { branch, commit: fixed } = task.base;
  const wanted = task.on ?? (branch === null ? fixed : `refs/heads/${branch}`);
  const [status, [start = null, oldTip = null]] = await Promise.all([
    readStatus(worktree, { untracked: 'all', signal }),
    resolveAll(worktree, [commitOf(wanted), `refs/heads/${task.taskBranch}`]),
  ]);
  if (start === null) throw task.on === null && branch !== null ? baseGone(branch, fixed) : unknown(wanted);

  const isSparse = differsInSparse(task);
  const fastPath =
    !isSparse && isClean(status) && status.commit === start && (await operationUnderWay(worktree)) === null;
  const aside = new Aside(worktree, gitDir);
  const held = heldBy(worktree, task.checkpoint);
  const merges = task.merges.map(({ commit: merged }) => merged);
  const moved = await clearWay({ worktree, status, start, merges, held, aside });
  if (fastPath) await enterFast(task, status, start, oldTip);
  else await enter(task, status, start, oldTip);
  const left = fastPath ? [] : await removeLeftovers({ worktree, held, aside });
  if (isSparse) await followSparse(task);
  const leftovers = [...new Set([...[...status.unmerged, ...status.changed].map(printable), ...moved, ...left])];
  const conflict = await mergeAll(task);
  const commit = task.merges.length === 0 ? start : ((await resolveAll(worktree, [commitOf('HEAD')]))[0] ?? start);
  const notes = await syncSubmodules({ root: task.root, worktree, signal });
  return { commit, base: start, fastPath, conflict, leftovers, aside: [...aside.folders], notes };
}

/** Enters the task's branch without a change of files, with at most one more process. */
async function enterFast(
  task: PrepareTask,
  status: WorktreeStatus,
  start: string,
  oldTip: string | null,
): Promise<void> {
  if (status.branch === task.taskBranch) return;
  await freeBranch(task, status, start, oldTip);
  await checkout(task, start, false);
}

async function enter(task: PrepareTask, status: WorktreeStatus, start: string, oldTip: string | null): Promise<void> {
  await freeBranch(task, status, start, oldTip);
  await clearOperation(task.worktree);
  await checkout(task, start, true);
}

async function checkout(task: PrepareTask, start: string, force: boolean): Promise<void> {
  const args = [
    'checkout',
    '-q',
    ...(force ? ['-f'] : []),
    '--no-track',
    '--ignore-other-worktrees',
    '-B',
    task.taskBranch,
    start,
  ];
  try {
    await whileLocked(() => runGit(args, { cwd: task.worktree, signal: task.signal }));
  } catch (error) {
    if (isGitError(error, 'ref-name-taken')) throw (await taskBranchesBlocked(task.worktree, error)) ?? error;
    throw error;
  }
}

/**
 * Frees the task's branch from an earlier attempt: its tip is kept under refs/swarm/kept when moving the branch would
 * lose it, and another agent's worktree that still has it checked out is detached (no file changes).
 */
async function freeBranch(
  task: PrepareTask,
  status: WorktreeStatus,
  start: string,
  oldTip: string | null,
): Promise<void> {
  if (oldTip === null) return;
  if (oldTip !== start) {
    const name = `refs/swarm/kept/${task.taskBranch.replaceAll('/', '-')}/${oldTip.slice(0, 12)}`;
    await runGit(['update-ref', name, oldTip], { cwd: task.worktree });
  }
  if (status.branch === task.taskBranch) return;
  for (const other of await listWorktrees(task.worktree)) {
    if (other.branch !== task.taskBranch || other.missing || other.commit === null) continue;
    if (path.dirname(other.path) !== path.dirname(task.worktree)) {
      throw new SwarmError('branch-in-use', `${task.taskBranch} is checked out in ${other.path}`, {
        hint: `Switch there to another branch: git -C '${other.path}' switch --detach`,
      });
    }
    await runGit(['update-ref', '--no-deref', '-m', 'swarm: another agent took this task', 'HEAD', other.commit], {
      cwd: other.path,
    });
  }
}

async function mergeAll(task: PrepareTask): Promise<Prepared['conflict']> {
  if (task.merges.length === 0) return null;
  const env = await identityEnvironment(task.worktree);
  for (const [at, { task: id, commit }] of task.merges.entries()) {
    const files = await mergeCommit({
      worktree: task.worktree,
      commit,
      message: `Merge the result of ${id}`,
      ff: '--ff',
      signatures: 'not-asked',
      env,
      signal: task.signal,
    });
    if (files !== null) return { task: id, commit, files, remaining: task.merges.slice(at + 1) };
  }
  return null;
}

export interface MergeCommit {
  worktree: string;
  commit: string;
  message: string;
  ff: '--ff' | '--no-ff';
  /** Whether `merge.verifySignatures` counts. */
  signatures: 'as-configured' | 'not-asked';
  env: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** Merges into the worktree's HEAD. @returns null, or the conflicting files, with the merge left open */
export async function mergeCommit(merge: MergeCommit): Promise<string[] | null> {
  const { worktree, commit, message, ff, signatures, env, signal } = merge;
  const config = ['-c', 'rerere.enabled=false', '-c', 'merge.autoStash=false'];
  const args = [
    ...config,
    'merge',
    '-q',
    '--no-edit',
    '--no-verify',
    '--no-stat',
    '--no-squash',
    '--commit',
    '--no-signoff',
    '--cleanup=whitespace',
    ...(signatures === 'not-asked' ? ['--no-verify-signatures'] : []),
    ff,
    '-m',
    message,
    commit,
  ];
  try {
    await runGit(args, { cwd: worktree, env, signal });
    return null;
  } catch (error) {
    if (!isGitError(error)) throw error;
    const { unmerged } = await readStatus(worktree, { untracked: 'no', signal });
    if (unmerged.length === 0) throw error;
    return unmerged.map(printable);
  }
}

/** The agent would work, and be paid, on top of an old state: whether that is meant, only a person can say. */
function baseGone(branch: string, commit: string): SwarmError {
  return new SwarmError('unknown-base', `the base branch ${branch}, from which the task is to start, is gone`, {
    hint: `Make it again, \`git branch ${shellQuote(branch)} ${commit.slice(0, 12)}\` (where it was last), or check out another branch and run \`swarm up\`.`,
    lasting: true,
  });
}

function unknown(name: string): SwarmError {
  return new SwarmError('unknown-revision', `there is no commit ${name} in this repository`, {
    hint: `Check it with \`git rev-parse --verify ${name}\`.`,
  });
}
