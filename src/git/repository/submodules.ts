import { existsSync } from 'node:fs';
import path from 'node:path';
import { errorText } from '../../domain/errors.ts';
import { splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { gitText, runGit } from '../git.ts';
import type { GitOptions } from '../git.ts';
import { worktreeGitDir } from './operations.ts';

interface Submodule {
  name: string;
  path: string;
}

export interface SubmodulePlaces {
  /** The worktree whose copies are cloned. */
  root: string;
  worktree: string;
  signal?: AbortSignal | undefined;
}

/**
 * Checks out, in a linked worktree, the submodules that the main worktree has checked out, and theirs, at every level.
 * Each is cloned from the main worktree's own copy (hard links where possible): nothing is fetched over a network. A
 * failure is a note for people; the worktree is usable without the submodule.
 */
export async function checkoutSubmodules(options: SubmodulePlaces, prefix = ''): Promise<string[]> {
  const { root, worktree, signal } = options;
  if (!existsSync(path.join(worktree, '.gitmodules'))) return [];
  const notes: string[] = [];
  for (const submodule of await listSubmodules(worktree)) {
    const original = path.join(root, submodule.path);
    if (!existsSync(path.join(original, '.git'))) continue;
    const name = `${prefix}${submodule.path}`;
    try {
      await checkout(submodule, original, worktree, signal);
    } catch (error) {
      signal?.throwIfAborted();
      notes.push(`submodule ${name} is not checked out: ${errorText(error)}`);
      continue;
    }
    // A linked worktree shares its settings; the copy of a submodule has its own.
    if (prefix !== '') await copySetting(`submodule.${submodule.name}.url`, root, worktree);
    const deeper = { root: original, worktree: path.join(worktree, submodule.path), signal };
    notes.push(...(await checkoutSubmodules(deeper, `${name}/`)));
  }
  return notes;
}

/** Whether the main worktree has a submodule checked out that this one has not. */
export async function lacksSubmodules({ root, worktree }: SubmodulePlaces): Promise<boolean> {
  const has = (place: string, submodule: Submodule): boolean => existsSync(path.join(place, submodule.path, '.git'));
  return (await listSubmodules(worktree)).some((submodule) => has(root, submodule) && !has(worktree, submodule));
}

/** A submodule that is not as the index of its worktree has it. */
export interface SubmoduleState {
  path: RawPath;
  /** It has changes, or untracked files, that are in no commit. Otherwise only another commit is checked out. */
  dirty: boolean;
}

/** Submodules with changes or untracked files inside, or at another commit, which a plain status may leave out. */
export async function submoduleStates(worktree: string): Promise<SubmoduleState[]> {
  const args = ['status', '--porcelain=v2', '-z', '--no-renames', '-uno', '--ignore-submodules=none'];
  const { stdout } = await runGit(args, { cwd: worktree });
  return splitNul(stdout).flatMap((record) => {
    const [, flags = '', name] = /^1 .. S([C.][M.][U.]) (?:\S+ ){5}(.*)$/s.exec(record) ?? [];
    return name === undefined || flags === '...' ? [] : [{ path: name, dirty: /[MU]/.test(flags) }];
  });
}

/** Settings and environment with which git may fetch from a directory of this machine, for one call. */
export function localFetch(): { config: string[]; env: Record<string, string> } {
  const allowed = process.env['GIT_ALLOW_PROTOCOL'];
  // The variable outranks the setting.
  const env: Record<string, string> = allowed === undefined ? {} : { GIT_ALLOW_PROTOCOL: `${allowed}:file` };
  return { config: ['-c', 'protocol.file.allow=always'], env };
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
  const { config, env } = localFetch();
  const url = ['-c', `submodule.${submodule.name}.url=${source}`];
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
  await runGit([...config, ...url, ...args], { cwd: worktree, env, signal });
  await copySetting('remote.origin.url', original, path.join(worktree, submodule.path));
}

async function copySetting(key: string, from: string, to: string): Promise<void> {
  const value = await gitText(['config', '--get', key], { cwd: from, okCodes: [1] });
  if (value !== '') await runGit(['config', key, value], { cwd: to });
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
