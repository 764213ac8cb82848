import { realpathSync } from 'node:fs';
import { runGit } from '../git/git.ts';
import type { Head } from '../git/repository.ts';
import { commitOf, resolveAll } from '../git/resolve.ts';
import { listWorktrees } from '../git/worktrees.ts';
import { readHeadFast } from './head.ts';
import type { CheckpointPlace } from './types.ts';

/**
 * Puts HEAD and its branch back. The branch's tip of now is kept under refs/swarm/kept. A branch that another worktree
 * has checked out is not moved under its feet: HEAD is detached at the saved commit instead. Returns warnings.
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
    await runGit(['update-ref', '-m', 'swarm: rollback', ref, commit, tip ?? ''], { cwd });
  }
  if (now.branch !== branch) await runGit(['symbolic-ref', '-m', 'swarm: rollback', 'HEAD', ref], { cwd });
  return [];
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
