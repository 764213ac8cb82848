import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { shellQuote } from '../../lib/shell-quote.ts';
import { SwarmError } from '../../domain/errors.ts';
import { printable } from '../bytes.ts';
import { isGitError } from '../errors.ts';
import { gitText, runGit } from '../git.ts';
import { openForRemoval } from './closed-directories.ts';
import { innerWork } from './inner-work.ts';
import { linkedGitDir, worktreeExcludes } from '../own-excludes.ts';
import { porcelain } from '../porcelain.ts';
import { whileLocked, worktreeLists } from '../lock.ts';
import { checkoutSubmodules, submoduleWithOwnCommits } from '../repository/submodules.ts';

export interface Worktree {
  path: string;
  /** Null before the first commit, or in a bare repository. */
  commit: string | null;
  branch: string | null;
  bare: boolean;
  locked: boolean;
  /** Its directory is gone. */
  missing: boolean;
}

/** Output of `git worktree list --porcelain -z`; the main worktree comes first. */
export function parseWorktreeList(output: string): Omit<Worktree, 'missing'>[] {
  const list: Omit<Worktree, 'missing'>[] = [];
  for (const line of output.split('\0')) {
    const space = line.indexOf(' ');
    const key = space === -1 ? line : line.slice(0, space);
    const value = space === -1 ? '' : line.slice(space + 1);
    const last = list.at(-1);
    if (key === 'worktree') list.push({ path: value, commit: null, branch: null, bare: false, locked: false });
    else if (last === undefined) continue;
    else if (key === 'HEAD') last.commit = /^0+$/.test(value) ? null : value;
    else if (key === 'branch') last.branch = value.replace(/^refs\/heads\//, '');
    else if (key === 'bare') last.bare = true;
    else if (key === 'locked') last.locked = true;
  }
  return list;
}

export async function listWorktrees(root: string): Promise<Worktree[]> {
  // The library has no method for worktrees.
  const text = await porcelain({ cwd: root }, (git) => git.raw(['worktree', 'list', '--porcelain', '-z']));
  return parseWorktreeList(text).map((worktree) => ({ ...worktree, missing: !existsSync(worktree.path) }));
}

export interface AddWorktreeOptions {
  /** Any worktree of the repository. */
  root: string;
  /** Absolute; must not exist, or be an empty directory. */
  path: string;
  commit: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** False: leave submodules empty. Otherwise those that the main worktree has checked out are checked out too. */
  submodules?: boolean | undefined;
}

export interface AddedWorktree {
  /** Notes for people about what failed; the worktree is usable. */
  notes: string[];
}

/**
 * Makes a worktree with a detached HEAD at `commit` (detached: nothing is tracked, no branch is taken). A registration
 * of that path whose directory is gone is dropped first. Errors: `worktree-exists` (the path is taken),
 * `unknown-revision`, `disk-full`, …
 */
export async function addWorktree(options: AddWorktreeOptions): Promise<AddedWorktree> {
  return worktreeLists.run(options.root, async () => {
    await dropStaleRegistration(options.root, options.path);
    if (await holdsSomething(options.path)) {
      throw new SwarmError('worktree-exists', `${options.path} is there already and is not empty`, {
        hint: 'Move it away if you need what is in it, or remove it, then try again.',
      });
    }
    await mkdir(path.dirname(options.path), { recursive: true });
    // Safe to repeat: git removes what it made when the checkout fails.
    await whileLocked(() =>
      runGit(['worktree', 'add', '--quiet', '--detach', '--', options.path, options.commit], {
        cwd: options.root,
        signal: options.signal,
        timeoutMs: options.timeoutMs,
      }),
    );
    if (options.submodules === false) return { notes: [] };
    return { notes: await checkoutSubmodules({ root: options.root, worktree: options.path, signal: options.signal }) };
  });
}

async function dropStaleRegistration(root: string, target: string): Promise<void> {
  const wanted = realPath(target);
  const stale = (await listWorktrees(root)).find((worktree) => worktree.missing && realPath(worktree.path) === wanted);
  if (stale === undefined) return;
  // On a missing directory a plain `remove` only drops the registration; a locked one is refused.
  await whileLocked(() => runGit(['worktree', 'remove', '--', stale.path], { cwd: root }));
}

/** Real path of the existing part of `target`, with the rest appended. */
function realPath(target: string): string {
  if (existsSync(target)) return realpathSync(target);
  const parent = path.dirname(target);
  return parent === target ? target : path.join(realPath(parent), path.basename(target));
}

async function holdsSomething(target: string): Promise<boolean> {
  try {
    return (await readdir(target)).length > 0;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') return true;
    throw error;
  }
}

/**
 * Removes a worktree, never with work in it: by plain `git worktree remove`. Errors: `worktree-dirty`,
 * `worktree-locked`, `worktree-has-submodules`, `closed-directory`, `no-worktree`. Ignored files go with it.
 */
export async function removeWorktree(options: { root: string; path: string }): Promise<void> {
  // From outside, git would take files that a set-up brought for work.
  const excludes = worktreeExcludes(options.path);
  const config = excludes === null ? [] : ['-c', `core.excludesFile=${excludes}`];
  await endFsmonitor(options.path);
  await worktreeLists.run(options.root, async () => {
    await openForRemoval(options.path);
    try {
      const argv = [...config, 'worktree', 'remove', '--', options.path];
      await whileLocked(() => runGit(argv, { cwd: options.root }));
    } catch (error) {
      if (!isGitError(error, 'worktree-has-submodules')) throw error;
      await refuseWork(options, error);
      // With force git checks nothing at all: that is for the person to type.
      throw new SwarmError(
        'worktree-has-submodules',
        `${options.path} has submodules, and git removes such a worktree only by force`,
        {
          hint: `Nothing was found in it that is nowhere else: \`git -C ${shellQuote(options.root)} worktree remove --force ${shellQuote(options.path)}\``,
          cause: error,
        },
      );
    }
  });
}

/** Git itself would wait for an answer without end, ms. */
const DAEMON_MS = 3_000;

/** Ends git's daemon that watches the worktree: it would outlive it. Those of an agent end with the agent's processes. */
async function endFsmonitor(worktree: string): Promise<void> {
  const gitDir = linkedGitDir(worktree);
  if (gitDir === null || !existsSync(path.join(gitDir, 'fsmonitor--daemon.ipc'))) return;
  try {
    // 128: it has ended already, and left its socket.
    await runGit(['fsmonitor--daemon', 'stop'], { cwd: worktree, okCodes: [128], timeoutMs: DAEMON_MS });
  } catch (error) {
    // What does not answer there is no daemon of git's.
    if (!isGitError(error, 'git-timeout')) throw error;
  }
}

async function refuseWork({ root, path: worktree }: { root: string; path: string }, cause: Error): Promise<void> {
  const status = await gitText(['status', '--porcelain', '--ignore-submodules=none'], { cwd: worktree });
  if (status !== '') {
    throw new SwarmError(
      'worktree-dirty',
      `${worktree} has changes that are in no commit: ${status.split('\n', 1)[0] ?? ''}`,
      {
        hint: 'Commit or remove them, then try again.',
        cause,
      },
    );
  }
  const submodule = await submoduleWithOwnCommits({ root, worktree });
  if (submodule === null) return refuseInnerWork({ root, worktree }, cause);
  throw new SwarmError(
    'worktree-has-submodules',
    `the submodule ${submodule} in ${worktree} has commits that are nowhere else`,
    {
      hint: `Push or fetch them, for example: \`git -C ${shellQuote(path.join(root, submodule))} fetch ${shellQuote(path.join(worktree, submodule))} HEAD\``,
      cause,
    },
  );
}

/**
 * Refuses to remove a worktree with work in inner repositories, also without a .gitmodules, or in a submodule that is
 * not checked out: git's force would remove all of it.
 */
async function refuseInnerWork(options: { root: string; worktree: string }, cause: Error): Promise<void> {
  const { repositories, modules } = await innerWork(options);
  const [first] = [...repositories.map((raw) => path.join(options.worktree, printable(raw))), ...modules];
  if (first === undefined) return;
  throw new SwarmError(
    'worktree-has-submodules',
    `${first} is a git repository of its own with changes or commits that are nowhere else`,
    { hint: 'Push them, or move the repository elsewhere, then try again.', cause },
  );
}

export async function isRegisteredWorktree(root: string, target: string): Promise<boolean> {
  try {
    const wanted = realPath(target);
    return (await listWorktrees(root)).some((worktree) => !worktree.missing && realPath(worktree.path) === wanted);
  } catch (error) {
    if (isGitError(error, 'no-repository')) return false;
    throw error;
  }
}
