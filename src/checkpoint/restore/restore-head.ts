import { realpathSync } from 'node:fs';
import { isGitError, mainSentence } from '../../git/errors.ts';
import type { GitError } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import { whileLocked } from '../../git/lock.ts';
import type { Head } from '../../git/repository/repository.ts';
import { commitOf, resolveAll } from '../../git/repository/resolve.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { isNotText, readHeadFast } from '../tree/head.ts';
import type { CheckpointPlace } from '../tree/types.ts';

/**
 * Puts HEAD and its branch back. The branch's present tip is kept under refs/swarm/kept. A branch that another worktree
 * has checked out, or that cannot be written, is not moved: HEAD is detached at the saved commit instead.
 * @returns warnings
 */
export async function restoreHead(place: CheckpointPlace, gitDir: string, target: Head): Promise<string[]> {
  const cwd = place.worktree;
  const now = await readHeadFast(cwd, gitDir, place.gitCommonDir);
  if (now.branch === target.branch && now.commit === target.commit) return [];
  const { branch, commit } = target;
  if (branch === null) {
    if (commit !== null) await detach(cwd, commit);
    return [];
  }
  if (isNotText(branch)) {
    if (commit !== null) await detach(cwd, commit);
    const head = commit === null ? 'HEAD stays' : `HEAD is detached at ${commit.slice(0, 12)} instead`;
    return [`the branch ${branch} stays where it is, for its name is not UTF-8: ${head}`];
  }
  const elsewhere = await holderOf(place, branch);
  if (elsewhere !== null && commit !== null) {
    await detach(cwd, commit);
    return [`the branch ${branch} is checked out in ${elsewhere}: HEAD is detached at ${commit.slice(0, 12)} instead`];
  }
  const ref = `refs/heads/${branch}`;
  const [tip = null] = await resolveAll(cwd, [commitOf(ref)]);
  if (tip !== null && tip !== commit) {
    await runGit(['update-ref', keptRef(place.agent, branch, tip), tip], { cwd });
  }
  if (commit === null) {
    if (tip !== null) await runGit(['update-ref', '-d', ref, tip], { cwd });
  } else if (tip !== commit) {
    try {
      await whileLocked(() => runGit(['update-ref', '-m', 'swarm: rollback', ref, commit, tip ?? ''], { cwd }));
    } catch (error) {
      if (!isGitError(error, 'ref-name-taken', 'ref-locked')) throw error;
      // Another try would fail in the same way, and the rollback could neither end nor be undone.
      await detach(cwd, commit);
      return [`${whyNot(branch, error)}: HEAD is detached at ${commit.slice(0, 12)} instead. ${cureOf(branch, error)}`];
    }
  }
  if (now.branch !== branch) await runGit(['symbolic-ref', '-m', 'swarm: rollback', 'HEAD', ref], { cwd });
  return [];
}

/** The branch whose name is in the way; neither a blank nor a colon can be in it. */
function takerOf({ stderr }: GitError): string | undefined {
  return /'refs\/heads\/([^\s:]+)' exists; cannot create '/.exec(stderr)?.[1];
}

function whyNot(branch: string, error: GitError): string {
  const taker = takerOf(error);
  if (taker !== undefined) return `the branch ${branch} cannot be made again beside the branch ${taker}`;
  return `the branch ${branch} cannot be written (${mainSentence(error.stderr)})`;
}

function cureOf(branch: string, error: GitError): string {
  const [to, taker] = [shellQuote(branch), takerOf(error)];
  if (taker === undefined) return `Remove what is in the way if no git is at work, then: \`git switch -C ${to}\``;
  return `To have it, rename that one first: \`git branch -m ${shellQuote(taker)} <another name>\`, then \`git switch -c ${to}\``;
}

export function keptRef(agent: string, branch: string, tip: string): string {
  return `refs/swarm/kept/${agent}/${branch.replaceAll('/', '-')}/${tip.slice(0, 12)}`;
}

async function detach(cwd: string, commit: string): Promise<void> {
  await runGit(['update-ref', '--no-deref', '-m', 'swarm: rollback', 'HEAD', commit], { cwd });
}

async function holderOf(place: CheckpointPlace, branch: string): Promise<string | null> {
  const own = realpathSync(place.worktree);
  const other = (await listWorktrees(place.worktree)).find(
    (worktree) => worktree.branch === branch && !worktree.missing && realpathSync(worktree.path) !== own,
  );
  return other?.path ?? null;
}
