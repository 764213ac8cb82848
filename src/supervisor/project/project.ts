import { tmpdir } from 'node:os';
import { currentUid } from '../../process/account.ts';
import type { Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { findRepository, readHead, type Repository } from '../../git/repository/repository.ts';
import { resolveAll } from '../../git/repository/resolve.ts';
import { SwarmError } from '../../domain/errors.ts';
import { layoutInUse } from '../../store/place/project-place.ts';

/** The base of tasks, with notes about it for the person. */
export interface Base {
  branch: string | null;
  commit: string;
}

/** One project as its supervisor sees it: the repository, its settings and its paths. */
export interface Project {
  repository: Repository;
  config: Config;
  layout: ProjectLayout;
}

/**
 * The place of the project with the main worktree `root`, by the given environment, before its settings are known.
 * @throws SwarmError of git
 */
export async function openPlace(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ repository: Repository; layout: ProjectLayout }> {
  const repository = await findRepository(root);
  const { gitCommonDir, root: main, bare } = repository;
  const uid = currentUid();
  return { repository, layout: await layoutInUse({ gitCommonDir, root: main, bare, env, uid, tmpdir: tmpdir() }) };
}

/** Branch and commit that tasks start from now: the config's base, or the checked-out one of `root`. */
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
