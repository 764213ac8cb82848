import { existsSync } from 'node:fs';
import path from 'node:path';
import { errorText } from '../../domain/errors.ts';
import { gitText, runGit } from '../git.ts';
import type { GitOptions } from '../git.ts';
import { worktreeGitDir } from './operations.ts';

interface Submodule {
  name: string;
  path: string;
}

/**
 * Checks out, in a linked worktree, the submodules that the main worktree has checked out. Each is cloned from the main
 * worktree's own copy (hard links where possible): nothing is fetched over a network. A failure is a note for people;
 * the worktree is usable without the submodule.
 */
export async function checkoutSubmodules(options: {
  root: string;
  worktree: string;
  signal?: AbortSignal | undefined;
}): Promise<string[]> {
  const { root, worktree, signal } = options;
  if (!existsSync(path.join(worktree, '.gitmodules'))) return [];
  const notes: string[] = [];
  for (const submodule of await listSubmodules(worktree)) {
    const original = path.join(root, submodule.path);
    if (!existsSync(path.join(original, '.git'))) continue;
    try {
      await checkout(submodule, original, worktree, signal);
    } catch (error) {
      signal?.throwIfAborted();
      notes.push(`submodule ${submodule.path} is not checked out: ${errorText(error)}`);
    }
  }
  return notes;
}

async function listSubmodules(worktree: string): Promise<Submodule[]> {
  const args = ['config', '-f', '.gitmodules', '-z', '--get-regexp', '^submodule\\..*\\.path$'];
  const { stdout } = await runGit(args, { cwd: worktree, okCodes: [1] });
  return stdout
    .toString('utf8')
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const at = entry.indexOf('\n');
      return { name: entry.slice('submodule.'.length, at - '.path'.length), path: entry.slice(at + 1) };
    });
}

async function checkout(
  submodule: Submodule,
  original: string,
  worktree: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = worktreeGitDir(original);
  // The address is set for this one call, so that the configuration that all worktrees share stays as it is.
  const config = ['-c', 'protocol.file.allow=always', '-c', `submodule.${submodule.name}.url=${source}`];
  const args = [
    'submodule',
    '--quiet',
    'update',
    '--init',
    '--checkout',
    '--no-recommend-shallow',
    '--',
    submodule.path,
  ];
  const allowed = process.env['GIT_ALLOW_PROTOCOL'];
  // The variable outranks the setting.
  const env = allowed === undefined ? {} : { GIT_ALLOW_PROTOCOL: `${allowed}:file` };
  await runGit([...config, ...args], { cwd: worktree, env, signal });
  const url = await gitText(['config', '--get', 'remote.origin.url'], { cwd: original, okCodes: [1] });
  if (url !== '') await runGit(['config', 'remote.origin.url', url], { cwd: path.join(worktree, submodule.path) });
}

/**
 * The path of the first submodule whose work would be lost for good with a worktree: its copy has commits that the main
 * worktree's copy lacks, or cannot be compared with it. Uncommitted changes are not looked for: the status of the
 * worktree shows them.
 */
export async function submoduleWithOwnCommits(options: { root: string; worktree: string }): Promise<string | null> {
  const { root, worktree } = options;
  if (!existsSync(path.join(worktree, '.gitmodules'))) return null;
  for (const submodule of await listSubmodules(worktree)) {
    const copy = path.join(worktree, submodule.path);
    const original = path.join(root, submodule.path);
    if (!existsSync(path.join(copy, '.git'))) continue;
    if (!existsSync(path.join(original, '.git')) || !(await holdsAllOf(original, copy))) return submodule.path;
    const inner = await submoduleWithOwnCommits({ root: original, worktree: copy });
    if (inner !== null) return path.join(submodule.path, inner);
  }
  return null;
}

/** More commits than this count as work without a look at them. */
const COMPARED = 200;

async function holdsAllOf(original: string, copy: string): Promise<boolean> {
  const commits = await ownCommits({ cwd: copy });
  return commits !== null && (await holdsAll({ cwd: original }, commits));
}

/** Commits that no remote is known to have; null: too many to compare. */
export async function ownCommits(asked: GitOptions): Promise<string[] | null> {
  const own = await gitText(['rev-list', `--max-count=${COMPARED}`, 'HEAD', '--all', '--not', '--remotes'], asked);
  const commits = own.split('\n').filter((line) => line !== '');
  return commits.length === COMPARED ? null : commits;
}

export async function holdsAll(asked: GitOptions, commits: readonly string[]): Promise<boolean> {
  for (const commit of commits) {
    const { exitCode } = await runGit(['cat-file', '-e', `${commit}^{commit}`], { ...asked, okCodes: [1, 128] });
    if (exitCode !== 0) return false;
  }
  return true;
}
