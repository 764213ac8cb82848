import { userInfo, tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../config/index.ts';
import { projectLayout, type ProjectLayout } from '../domain/layout.ts';
import { findRepository, readHead, type Repository } from '../git/repository.ts';
import { resolveAll } from '../git/resolve.ts';
import { SwarmError } from '../domain/errors.ts';
import type { Base } from './up.ts';

/** One project as its supervisor sees it: the repository, its settings and where everything lies. */
export interface Project {
  repository: Repository;
  config: Config;
  layout: ProjectLayout;
}

/** `root` is the main worktree's root. @throws SwarmError what git or the config says */
export async function openProject(root: string, env: Readonly<Record<string, string | undefined>>): Promise<Project> {
  const repository = await findRepository(root);
  const config = await loadConfig(repository.root);
  const { dir } = config.worktree;
  const layout = projectLayout({
    gitCommonDir: repository.gitCommonDir,
    root: repository.root,
    env,
    uid: userInfo().uid,
    tmpdir: tmpdir(),
    worktreesDir: dir === undefined ? undefined : path.resolve(repository.root, dir),
  });
  return { repository, config, layout };
}

/** Branch and commit that tasks start from now: the config's base, or what is checked out in `root`. */
export async function readBase(root: string, configured: string | undefined): Promise<Base> {
  if (configured !== undefined) {
    const [commit] = await resolveAll(root, [`refs/heads/${configured}^{commit}`]);
    if (commit === undefined || commit === null) {
      throw new SwarmError('unknown-base', `swarm.yaml names the base branch "${configured}", which does not exist`, {
        hint: 'Create it, or change `base` in swarm.yaml.',
        exitCode: 2,
      });
    }
    return { branch: configured, commit };
  }
  const { branch, commit } = await readHead(root);
  if (commit === null) {
    throw new SwarmError('no-commit', `${root} has no commit yet`, {
      hint: 'Commit something: `git add -A && git commit -m start`.',
    });
  }
  return { branch, commit };
}
