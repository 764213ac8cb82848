import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { isRunning } from '../../lib/running.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { isGitError, mainSentence, type GitError } from '../errors.ts';
import { runGit } from '../git.ts';
import { identityEnvironment } from '../identity.ts';
import { merges, whileLocked } from '../lock.ts';
import { branchesInRebase, operationUnderWay, worktreeGitDir } from '../repository/operations.ts';
import { mergeCommit } from '../task/prepare-task.ts';
import { readHead } from '../repository/repository.ts';
import { commitOf, resolveAll } from '../repository/resolve.ts';
import { carryForMerge, refuseUnfit } from './fit-to-merge.ts';
import { porcelain } from '../porcelain.ts';
import { addWorktree, listWorktrees } from '../worktree/worktrees.ts';

export interface MergeTask {
  root: string;
  /** Branch that receives the commit. */
  into: string;
  commit: string;
  message: string;
  /** Where the scratch worktree is made and removed again. */
  scratchDir: string;
  signal?: AbortSignal | undefined;
}

/** `merged: false`: the branch has the commit already. `commit` is the branch's tip afterwards. */
export interface MergedTask {
  merged: boolean;
  commit: string;
  before: string;
  /** What is left to do: sentences for people. */
  notes: string[];
}

/** A refused merge: nothing was changed. */
export class MergeConflictError extends SwarmError {
  readonly files: readonly string[];

  constructor(into: string, files: readonly string[]) {
    const some = files.slice(0, 5).join(', ') + (files.length > 5 ? `, and ${files.length - 5} more` : '');
    super('merge-conflict', `merging into ${into} conflicts in ${some}`, {
      hint: 'Nothing was changed. Merge by hand, or give an agent the task to bring its branch up to date.',
      retrySafe: true,
    });
    this.name = 'MergeConflictError';
    this.files = files;
  }
}

/**
 * Merges in a scratch worktree, then moves the branch by compare-and-swap. A worktree that has the branch checked out
 * is fast-forwarded, and only when it is clean. Commits of submodules are carried into its copies of them. Errors:
 * `merge-conflict` (with `files`), `branch-dirty`, `branch-in-rebase`, `unknown-branch`, `unknown-revision`, `unsigned`,
 * `unmapped-repository`, `conflict-markers`, `submodule-commit`, `branch-moved` (retry is safe).
 */
export async function mergeTask(task: MergeTask): Promise<MergedTask> {
  return merges.run(task.root, async () => {
    const { before, commit } = await resolveBoth(task);
    const { exitCode } = await runGit(['merge-base', '--is-ancestor', commit, before], {
      cwd: task.root,
      okCodes: [1],
    });
    if (exitCode === 0) return { merged: false, commit: before, before, notes: [] };
    const checkedOut = await cleanCheckout(task);
    await sweepScratch(task.root, task.scratchDir);
    const merged = await mergeInScratch(task, before, commit);
    const notes = await carryForMerge({ root: task.root, checkedOut, before, merged });
    if (checkedOut === null) await moveBranch(task, merged, before);
    else await fastForward(task, checkedOut, merged);
    return { merged: true, commit: merged, before, notes };
  });
}

async function resolveBoth(task: MergeTask): Promise<{ before: string; commit: string }> {
  const [before, commit] = await resolveAll(task.root, [commitOf(`refs/heads/${task.into}`), commitOf(task.commit)]);
  if (before === undefined || before === null) {
    throw new SwarmError('unknown-branch', `there is no branch ${task.into}`, { hint: 'See `git branch`.' });
  }
  if (commit === undefined || commit === null) {
    throw new SwarmError('unknown-revision', `there is no commit ${task.commit}`, {
      hint: 'The result of the task is gone from this repository.',
    });
  }
  return { before, commit };
}

/**
 * The worktree that has the branch checked out, proved clean; null when none has. A rebase has its branch in hand
 * without having it checked out: at its end it would not find the branch where it was, or abort the merge away.
 */
export async function cleanCheckout(task: Pick<MergeTask, 'root' | 'into' | 'signal'>): Promise<string | null> {
  const worktrees = (await listWorktrees(task.root)).filter(({ missing, bare }) => !missing && !bare);
  const rebasing = worktrees.find(
    ({ path: place }) =>
      existsSync(path.join(place, '.git')) &&
      branchesInRebase(worktreeGitDir(place)).includes(`refs/heads/${task.into}`),
  );
  if (rebasing !== undefined) throw branchInRebase(task.into, rebasing.path);
  const holder = worktrees.find(({ branch }) => branch === task.into);
  if (holder === undefined) return null;
  const how = ['--untracked-files=no', '--no-renames', '--ignore-submodules=dirty'];
  const place = { cwd: holder.path, signal: task.signal };
  const { conflicted, files } = await porcelain(place, (git) => git.status(how));
  const dirty = new Set([...conflicted, ...files.map((file) => file.path)]);
  if (dirty.size > 0) throw branchDirty(task.into, holder.path, [...dirty]);
  const operation = await operationUnderWay(holder.path);
  if (operation !== null) throw branchDirty(task.into, holder.path, [`an unfinished ${operation}`]);
  return holder.path;
}

function branchInRebase(into: string, place: string): SwarmError {
  const git = `git -C ${shellQuote(place)} rebase`;
  return new SwarmError('branch-in-rebase', `${into} is being rebased in ${place}`, {
    hint: `Finish that first, \`${git} --continue\` or \`${git} --abort\`, then try again.`,
    retrySafe: true,
  });
}

export function branchDirty(into: string, place: string, what: readonly string[], cause?: unknown): SwarmError {
  const some = what.slice(0, 3).join(', ') + (what.length > 3 ? `, and ${what.length - 3} more` : '');
  return new SwarmError('branch-dirty', `${into} is checked out in ${place} with changes: ${some}`, {
    hint: `Commit, stash or move them, then try again: git -C '${place}' stash`,
    retrySafe: true,
    cause,
  });
}

async function mergeInScratch(task: MergeTask, before: string, commit: string): Promise<string> {
  await mkdir(task.scratchDir, { recursive: true });
  const scratch = await mkdtemp(path.join(task.scratchDir, `merge-${process.pid}-`));
  try {
    await addWorktree({ root: task.root, path: scratch, commit: before, signal: task.signal, submodules: false });
    const env = await identityEnvironment(scratch);
    const files = await mergeCommit({
      worktree: scratch,
      commit,
      message: task.message,
      ff: '--no-ff',
      signatures: 'as-configured',
      env,
      signal: task.signal,
    }).catch((error: unknown) => {
      throw isGitError(error, 'unsigned') ? unsigned(commit, error) : error;
    });
    if (files !== null) throw new MergeConflictError(task.into, files);
    const [merged] = await resolveAll(scratch, [commitOf('HEAD')]);
    if (merged === undefined || merged === null)
      throw new SwarmError('git-failed', 'the merge left no commit', { hint: 'Try again.' });
    await refuseUnfit({ scratch, before, merged, commit });
    return merged;
  } finally {
    await removeScratch(task.root, scratch);
  }
}

/**
 * Removes the scratch worktree. The directory is swarm's and holds nothing but this merge; git then drops the
 * registration of the missing worktree.
 */
async function removeScratch(root: string, scratch: string): Promise<void> {
  await rm(scratch, { recursive: true, force: true });
  await whileLocked(() => runGit(['worktree', 'remove', '--', scratch], { cwd: root })).catch((error: unknown) => {
    if (!isGitError(error, 'no-worktree')) throw error;
  });
}

/** Removes the scratch worktrees of processes that were killed in the middle. */
async function sweepScratch(root: string, scratchDir: string): Promise<void> {
  const names = await readdir(scratchDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const pid = Number(/^merge-(\d+)-/.exec(name)?.[1] ?? 0);
    if (pid > 0 && pid !== process.pid && !isRunning(pid)) await removeScratch(root, path.join(scratchDir, name));
  }
}

function unsigned(commit: string, cause: GitError): SwarmError {
  return new SwarmError('unsigned', `merge.verifySignatures is set: ${mainSentence(cause.stderr)}`, {
    hint: `Nothing was changed. Agents' commits are not signed. Merge it by hand, \`git merge --no-verify-signatures ${commit.slice(0, 12)}\`, or switch the setting off for this repository: \`git config merge.verifySignatures false\`.`,
    cause,
  });
}

function branchMoved(into: string, cause: unknown): SwarmError {
  return new SwarmError('branch-moved', `${into} moved while the merge was made`, {
    hint: 'Nothing was changed; merge again.',
    retrySafe: true,
    cause,
  });
}

async function moveBranch(task: MergeTask, merged: string, before: string): Promise<void> {
  const args = [
    'update-ref',
    '-m',
    `swarm: ${task.message.split('\n')[0] ?? ''}`,
    `refs/heads/${task.into}`,
    merged,
    before,
  ];
  try {
    await whileLocked(() => runGit(args, { cwd: task.root }));
  } catch (error) {
    if (isGitError(error, 'ref-changed')) throw branchMoved(task.into, error);
    throw error;
  }
}

async function fastForward(task: MergeTask, place: string, merged: string): Promise<void> {
  if ((await readHead(place)).branch !== task.into) throw branchMoved(task.into, undefined);
  // Each is said here, since `branch.<name>.mergeOptions` may say otherwise.
  const args = [
    '--ff-only',
    '--commit',
    '--no-squash',
    '--no-autostash',
    '--no-stat',
    '--no-overwrite-ignore',
    // The signature of the result was looked at when it was merged; that merge is swarm's own.
    '--no-verify-signatures',
    merged,
  ];
  try {
    await whileLocked(() => porcelain({ cwd: place, signal: task.signal }, (git) => git.merge(args)));
  } catch (error) {
    if (isGitError(error, 'not-fast-forward')) throw branchMoved(task.into, error);
    if (isGitError(error, 'branch-dirty'))
      throw branchDirty(task.into, place, ['files that the merge would overwrite'], error);
    throw error;
  }
}
