import { existsSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../bytes.ts';
import { isGitError } from '../errors.ts';
import { gitText, runGit } from '../git.ts';
import { whileLocked } from '../lock.ts';
import { changedGitlinks } from '../repository/gitlinks.ts';
import { worktreeGitDir } from '../repository/operations.ts';
import { holdsAll, localFetch, submoduleStates } from '../repository/submodules.ts';

/** A commit of a submodule that the commits of the repository around it now name. */
export interface NamedCommit {
  /** Path of the submodule from the top. */
  submodule: string;
  commit: string;
}

/** Commits of submodules that could not be carried over. */
export interface NotCarried {
  /** It is in this copy alone, which no checkout has: no remote is known to have it. */
  only: (NamedCommit & { copy: string })[];
  /** No copy here has it. */
  unknown: NamedCommit[];
}

export interface CarryCommits {
  /** A directory of the repository whose commits are compared. */
  cwd: string;
  from: string;
  to: string;
  /** Worktrees whose copies of submodules are to have the commits. */
  targets: readonly string[];
  /** Worktrees whose copies may have them. */
  sources: readonly string[];
}

/**
 * Carries the commits of submodules that `to` names, and `from` does not, into the targets' copies of the submodules,
 * at every level. A ref below refs/swarm/kept holds each there; no branch and no file of a copy changes.
 */
export async function carryCommits(options: CarryCommits, prefix = ''): Promise<NotCarried> {
  const { cwd, from, to, targets, sources } = options;
  const not: NotCarried = { only: [], unknown: [] };
  for (const { path: raw, commit, before } of await changedGitlinks(cwd, from, to)) {
    const name = printable(raw);
    const submodule = `${prefix}${name}`;
    const into = copiesOf(targets, name);
    const copies = copiesOf(sources, name);
    const source = await firstWith(commit, copies);
    for (const target of into) {
      if (await holdsAll({ cwd: target }, [commit])) continue;
      if (source !== null) await carryCommit(source, target, commit);
      else not.unknown.push({ submodule, commit });
    }
    if (into.length === 0 && source !== null && !(await isOnRemote(source, commit)))
      not.only.push({ submodule, commit, copy: source });
    const reader = before === null ? null : await firstWith(before, [...copies, ...into]);
    if (before === null || reader === null || !(await holdsAll({ cwd: reader }, [commit]))) continue;
    const deeper = { cwd: reader, from: before, to: commit, targets: into, sources: copies };
    const inner = await carryCommits(deeper, `${submodule}/`);
    not.only.push(...inner.only);
    not.unknown.push(...inner.unknown);
  }
  return not;
}

function copiesOf(worktrees: readonly string[], name: string): string[] {
  return worktrees.map((place) => path.join(place, name)).filter((copy) => existsSync(path.join(copy, '.git')));
}

async function firstWith(commit: string, copies: readonly string[]): Promise<string | null> {
  for (const copy of copies) if (await holdsAll({ cwd: copy }, [commit])) return copy;
  return null;
}

async function isOnRemote(copy: string, commit: string): Promise<boolean> {
  return (await gitText(['for-each-ref', '--count=1', `--contains=${commit}`, 'refs/remotes'], { cwd: copy })) !== '';
}

/** Fetches one commit of a submodule's copy into another one, with a ref that holds it. */
export async function carryCommit(source: string, target: string, commit: string): Promise<void> {
  const ref = `refs/swarm/kept/${commit}`;
  await runGit(['update-ref', ref, commit], { cwd: source });
  const { config, env } = localFetch();
  const how = ['-q', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  const args = [...config, 'fetch', ...how, '--', worktreeGitDir(source), `+${ref}:${ref}`];
  await whileLocked(() => runGit(args, { cwd: target, env }));
}

/**
 * Carries the commits of submodules that a result names from the agent's worktree to the person's checkout.
 * @returns sentences for people: what could not be carried, and changes in submodules that are in no commit
 */
export async function carrySubmodules(options: {
  root: string;
  worktree: string;
  /** Null: nothing to compare with. */
  from: string | null;
  to: string;
}): Promise<string[]> {
  const { root, worktree, from, to } = options;
  if (!existsSync(path.join(worktree, '.gitmodules'))) return [];
  const notes: string[] = [];
  try {
    for (const { path: raw, dirty } of await submoduleStates(worktree)) {
      const name = printable(raw);
      if (dirty)
        notes.push(
          `the submodule ${name} has changes that are in no commit of it: they are not in the result. They lie in ${path.join(worktree, name)}; the next task there keeps them as a commit of the submodule.`,
        );
    }
    if (from === null) return notes;
    const not = await carryCommits({ cwd: worktree, from, to, targets: [root], sources: [worktree] });
    return [...notes, ...notCarriedNotes(not)];
  } catch (error) {
    if (!isGitError(error)) throw error;
    // The work is done, and `merge` tries again.
    return [...notes, `the work in submodules is not in your checkout yet: ${error.message}`];
  }
}

function notCarriedNotes({ only, unknown }: NotCarried): string[] {
  return [
    ...only.map((one) => `${onlyThere(one)}: push it from there, or others cannot check the result out.`),
    ...unknown.map(
      ({ submodule, commit }) =>
        `the submodule ${submodule} is at commit ${commit.slice(0, 12)}, which no copy here has.`,
    ),
  ];
}

/** The beginning of a sentence. */
export function onlyThere({ submodule, commit, copy }: NotCarried['only'][number]): string {
  return `commit ${commit.slice(0, 12)} of the submodule ${submodule} is only in ${copy}`;
}
