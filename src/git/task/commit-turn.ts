import { printable } from '../bytes.ts';
import { addAll } from './add-all.ts';
import { unresolvedFiles } from './conflict-markers.ts';
import { hiddenChanges } from './hidden-changes.ts';
import { leftOutNotes } from './left-out.ts';
import { isGitError } from '../errors.ts';
import { runGit } from '../git.ts';
import { identityEnvironment } from '../identity.ts';
import { whileLocked } from '../lock.ts';
import { leaveOutRepositories } from '../repository/gitlinks.ts';
import { operationUnderWay } from '../repository/operations.ts';
import type { Operation } from '../repository/operations.ts';
import { commitOf, resolveAll } from '../repository/resolve.ts';
import { isClean, readStatus } from '../repository/status.ts';
import { isTaskBranch } from './task-branches.ts';

export interface CommitTurn {
  worktree: string;
  /** Subject, and after an empty line the rest. */
  message: string;
  /** `Swarm-Task`, `Swarm-Agent`, `Swarm-Attempt`, … */
  trailers: Readonly<Record<string, string>>;
  /** The task's branch. Moved to the tip as well when the agent left it for a commit that contains it. */
  branch?: string | undefined;
  /** What tasks start from. No commit is made on its branch. */
  base?: { branch: string | null; commit: string } | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * `head` is the tip afterwards, also when the agent itself committed everything. `notes`: what lies in the worktree and
 * is not in the commit, for people.
 */
export type CommittedTurn =
  | { outcome: 'committed'; commit: string; head: string; branch: string | null; notes: string[] }
  | { outcome: 'unchanged'; commit: null; head: string; branch: string | null; notes: string[] }
  /** A conflict, or an operation that the agent must finish first; nothing was committed. */
  | {
      outcome: 'unresolved';
      commit: null;
      head: string;
      branch: string | null;
      operation: Operation | null;
      files: string[];
      /** HEAD is on this branch, which is not the task's and lacks commits of the task's own. */
      astray?: string;
    };

/** Commits the uncommitted work in a worktree at the end of a turn. Hooks and signing are off. */
export async function commitTurn(turn: CommitTurn): Promise<CommittedTurn> {
  const { worktree, signal } = turn;
  const status = await readStatus(worktree, { untracked: 'normal', signal });
  const operation = await operationUnderWay(worktree);
  const head = status.commit ?? '';
  const open = await unresolvedFiles(worktree, status.unmerged, operation === null ? [] : status.changed);
  if (open.length > 0 || operation === 'rebase') {
    return { outcome: 'unresolved', commit: null, head, branch: status.branch, operation, files: open.map(printable) };
  }
  const strange = head !== '' && isOfOthers(turn, status.branch) ? status.branch : null;
  if (strange !== null && !(await holdsOwn(turn, head))) {
    return { outcome: 'unresolved', commit: null, head, branch: strange, operation, files: [], astray: strange };
  }
  const isOpen = !isClean(status) || operation !== null;
  const skipped = isOpen ? await addAll({ cwd: worktree, signal }) : [];
  const leftOut = head === '' ? [] : await leaveOutRepositories({ cwd: worktree, signal }, head, () => known(turn));
  let commit: string | null = null;
  let current = status.branch;
  if (isOpen || leftOut.length > 0) {
    if (strange !== null) current = await leaveBranch(worktree, head);
    commit = await commitIndex(turn, head);
  }
  const tip = commit ?? head;
  const branch = await followBranch(turn, current, tip);
  const notes = await leftOutNotes(worktree, leftOut, skipped, head === '' ? [] : await hiddenChanges(worktree, head));
  if (commit === null) return { outcome: 'unchanged', commit, head: tip, branch, notes };
  return { outcome: 'committed', commit, head: tip, branch, notes };
}

/** Commits from which the agent may have what it did not make itself. */
async function known({ worktree, base }: CommitTurn): Promise<string[]> {
  if (base === undefined) return [];
  const { branch, commit } = base;
  const names = [commit, ...(branch === null ? [] : [`refs/heads/${branch}`])];
  return (await resolveAll(worktree, names.map(commitOf))).filter((found) => found !== null);
}

/** Whether the agent has checked out the branch of another task, or the base branch. */
function isOfOthers({ branch, base }: CommitTurn, current: string | null): boolean {
  if (branch === undefined || current === null || current === branch) return false;
  return current === base?.branch || isTaskBranch(current);
}

/** Whether the head contains the task's own branch, so that none of its commits would be missing from the result. */
async function holdsOwn({ worktree, branch }: CommitTurn, head: string): Promise<boolean> {
  const [own] = await resolveAll(worktree, [commitOf(`refs/heads/${branch ?? ''}`)]);
  return own === undefined || own === null || (await isAncestor(worktree, own, head));
}

async function isAncestor(worktree: string, old: string, young: string): Promise<boolean> {
  const { exitCode } = await runGit(['merge-base', '--is-ancestor', old, young], { cwd: worktree, okCodes: [1] });
  return exitCode === 0;
}

/** Detaches HEAD without a change of files. */
async function leaveBranch(worktree: string, head: string): Promise<null> {
  await runGit(['update-ref', '--no-deref', '-m', 'swarm: the branch of others', 'HEAD', head], { cwd: worktree });
  return null;
}

async function commitIndex(turn: CommitTurn, before: string): Promise<string | null> {
  const { worktree, signal } = turn;
  const env = await identityEnvironment(worktree);
  const args = ['commit', '-q', '--no-verify', '--no-gpg-sign', '--cleanup=whitespace', '--no-status', '-F', '-'];
  const input = messageWithTrailers(turn.message, turn.trailers);
  try {
    await whileLocked(() => runGit(args, { cwd: worktree, env, input, signal }));
  } catch (error) {
    // `add` may find that nothing differs after all (line endings, a nested repository that cannot be added).
    if (!isGitError(error, 'git-failed') || !(await nothingStaged(worktree))) throw error;
    return null;
  }
  const [after] = await resolveAll(worktree, [commitOf('HEAD')]);
  return after === before ? null : (after ?? null);
}

async function nothingStaged(worktree: string): Promise<boolean> {
  const { exitCode } = await runGit(['diff-index', '--cached', '--quiet', 'HEAD', '--'], {
    cwd: worktree,
    okCodes: [1],
  });
  return exitCode === 0;
}

/**
 * Moves the task's branch to the tip, when the agent detached HEAD or made a branch of its own, if the branch only
 * grows by that.
 */
async function followBranch(turn: CommitTurn, current: string | null, tip: string): Promise<string | null> {
  const { branch, worktree } = turn;
  if (branch === undefined || branch === current) return current;
  const [old] = await resolveAll(worktree, [commitOf(`refs/heads/${branch}`)]);
  if (old === undefined || old === null) {
    await runGit(['update-ref', `refs/heads/${branch}`, tip, ''], { cwd: worktree });
    return branch;
  }
  if (!(await isAncestor(worktree, old, tip))) return current;
  await runGit(['update-ref', `refs/heads/${branch}`, tip, old], { cwd: worktree });
  return branch;
}

export function messageWithTrailers(message: string, trailers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(trailers).map(([key, value]) => `${key}: ${value.replaceAll(/\s+/g, ' ').trim()}`);
  return `${message.trim() || 'work of an agent'}\n${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}`;
}
