import { existsSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { printable } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { gitText } from '../git.ts';
import type { GitOptions } from '../git.ts';
import { repositoriesIn } from '../repository/inner-repositories.ts';
import { worktreeGitDir } from '../repository/operations.ts';
import { holdsAll, ownCommits } from '../repository/submodules.ts';

/** Work inside a worktree of which the worktree's own repository knows nothing. */
export interface InnerWork {
  /** Repositories inside it, whether its index or its ignore patterns name them or not. */
  repositories: RawPath[];
  /** Absolute paths: repositories of submodules that are not checked out now. */
  modules: string[];
}

/**
 * Finds the inner repositories with changes, or with commits that neither a remote nor the same repository of the main
 * worktree has; a mere clone (of a dependency, say) is not among them. A repository that git cannot read counts as one
 * with work.
 */
export async function innerWork(options: { root: string; worktree: string }): Promise<InnerWork> {
  const { root, worktree } = options;
  const gitDir = worktreeGitDir(worktree);
  const all = await repositoriesIn(worktree);
  const places = [realpathSync(worktree), realpathSync(gitDir)];
  const repositories: RawPath[] = [];
  for (const raw of all) if (await unlessAsked(hasWork(root, worktree, raw, places))) repositories.push(raw);
  const used = new Set(all.flatMap((raw) => gitDirOf(path.join(worktree, printable(raw))) ?? []));
  const modules: string[] = [];
  const common = path.join(gitDirOf(root) ?? root, 'modules');
  for (const name of await modulesBelow(path.join(gitDir, 'modules'), '')) {
    const module = path.join(gitDir, 'modules', name);
    if (!used.has(realpathSync(module)) && (await unlessAsked(moduleHasWork(module, path.join(common, name)))))
      modules.push(module);
  }
  return { repositories, modules };
}

async function unlessAsked(asking: Promise<boolean>): Promise<boolean> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof SwarmError) return true;
    throw error;
  }
}

function gitDirOf(place: string): string | null {
  try {
    return realpathSync(worktreeGitDir(place));
  } catch {
    // Whatever is wrong with it, it uses no repository of a submodule.
    return null;
  }
}

async function hasWork(root: string, worktree: string, raw: RawPath, places: readonly string[]): Promise<boolean> {
  const name = printable(raw);
  // A process cannot work in a directory whose name is not text.
  if (Buffer.from(name, 'utf8').toString('latin1') !== raw) return true;
  const cwd = path.join(worktree, name);
  // Named outright: git would look for a broken repository's data in the one around it.
  const asked: GitOptions = { cwd, env: { GIT_DIR: worktreeGitDir(cwd), GIT_WORK_TREE: cwd } };
  const status = ['status', '--porcelain', '-unormal', '--ignore-submodules=none'];
  if ((await gitText(status, asked)) !== '') return true;
  const common = realpathSync(path.resolve(cwd, await gitText(['rev-parse', '--git-common-dir'], asked)));
  if (!places.some((place) => common === place || common.startsWith(`${place}${path.sep}`))) {
    // It is a linked worktree: its repository stays, with all its refs.
    const loose = ['rev-list', '--max-count=1', 'HEAD', '--not', '--branches', '--tags', '--remotes'];
    return (await gitText(loose, asked)) !== '';
  }
  const commits = await ownCommits(asked);
  if (commits?.length === 0) return false;
  const original = path.join(root, name);
  return commits === null || !existsSync(path.join(original, '.git')) || !(await holdsAll({ cwd: original }, commits));
}

async function moduleHasWork(module: string, original: string): Promise<boolean> {
  const asked = (cwd: string): GitOptions => ({ cwd, env: { GIT_DIR: cwd, GIT_WORK_TREE: cwd } });
  const commits = await ownCommits(asked(module));
  if (commits?.length === 0) return false;
  return commits === null || !existsSync(original) || !(await holdsAll(asked(original), commits));
}

/**
 * Names of a worktree's submodule repositories. They may have slashes, and a submodule may have submodules of its own.
 */
async function modulesBelow(folder: string, prefix: string): Promise<string[]> {
  const place = path.join(folder, prefix);
  const entries = existsSync(place) ? await readdir(place, { withFileTypes: true }) : [];
  const isRepository = prefix !== '' && entries.some(({ name }) => name === 'HEAD');
  const below = entries.filter((entry) => entry.isDirectory() && (!isRepository || entry.name === 'modules'));
  const deeper = await Promise.all(below.map(({ name }) => modulesBelow(folder, path.join(prefix, name))));
  return [...(isRepository ? [prefix] : []), ...deeper.flat()];
}
