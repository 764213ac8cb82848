import { realpathSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { currentUid } from '../../process/account.ts';
import { connect, type ClientOptions, type SwarmClient } from '../../api/client.ts';
import { SwarmError } from '../../domain/errors.ts';
import { projectLayout, withRuntimeDir, type ProjectLayout } from '../../domain/layout.ts';
import { runGit } from '../../git/git.ts';
import { belongingOf, earlierLayout } from '../../store/place/belonging.ts';
import { runtimeDirInUse } from '../../store/place/runtime-record.ts';
import { layoutInUse } from '../../store/place/project-place.ts';
import type { Context, Project } from './context.ts';

/** How long a verb waits for a supervisor that died to be back, ms. */
export const RESTART_PATIENCE_MS = 10_000;

/** The directory that `-C` names. */
export function changeDirectory(cwd: string, to: string): string {
  const target = path.resolve(cwd, to);
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === true) return target;
  throw new SwarmError('no-directory', `-C ${to}: there is no directory ${target}`, { exitCode: 2 });
}

/** The project of the current directory, and its API; no connection is made yet. */
export async function openProject(context: Context): Promise<Project> {
  const layout = await located(await whereItLives((await lookHere(context)).layout));
  return { layout, client: connectTo(layout, { patienceMs: RESTART_PATIENCE_MS }) };
}

/** A project whose folder was renamed while it was up is found under its earlier name for as long as that lasts. */
async function whereItLives(layout: ProjectLayout): Promise<ProjectLayout> {
  const found = belongingOf(layout);
  if (found.kind !== 'moved') return layout;
  const earlier = earlierLayout(found, layout);
  return (await isLocked(earlier)) ? earlier : layout;
}

/** The project that a directory lies in, with the sockets that this shell alone would give it. */
export interface Here {
  layout: ProjectLayout;
  /** The worktree of the current directory; in one of a bare repository the project's root may be another. */
  calledIn: string;
}

/** @throws SwarmError of git */
export async function lookHere({ env, cwd }: Pick<Context, 'env' | 'cwd'>): Promise<Here> {
  try {
    const place = await findPlace(cwd);
    return { layout: await layoutInUse({ ...place, ...machineOf(env) }), calledIn: place.root };
  } catch (error) {
    if (!(error instanceof SwarmError) || error.code !== 'bare-repository') throw error;
    const gitCommonDir = await bareRepositoryOf(cwd);
    if (gitCommonDir === null) throw error;
    const layout = await layoutInUse({ gitCommonDir, root: gitCommonDir, bare: true, ...machineOf(env) });
    // Outside of its worktrees, such a project is one once it has come up in one of them.
    if (layout.root === gitCommonDir) throw error;
    return { layout, calledIn: layout.root };
  }
}

const machineOf = (env: NodeJS.ProcessEnv) => ({ env, uid: currentUid(), tmpdir: os.tmpdir() });

/** The layout of a project with a main worktree, of which there is no state yet. */
export function layoutOfNew(env: NodeJS.ProcessEnv, place: { gitCommonDir: string; root: string }): ProjectLayout {
  return projectLayout({ ...place, ...machineOf(env) });
}

/** The layout with the present sockets, whichever shell of this user has brought the project up. */
export async function located(layout: ProjectLayout): Promise<ProjectLayout> {
  return withRuntimeDir(layout, await runtimeDirInUse(layout));
}

/**
 * The project's API, at its present place in each call; a supervisor that holds the lock and cannot be reached is not
 * down.
 */
export function connectTo(layout: ProjectLayout, options: ClientOptions = {}): SwarmClient {
  return connect(() => located(layout), { ...options, isLocked: () => isLocked(layout) });
}

/**
 * Whether a supervisor lives, reachable or not. The module is loaded here: SQLite costs each verb some milliseconds.
 */
export async function isLocked({ lockDb }: ProjectLayout): Promise<boolean> {
  const { isSupervisorLocked } = await import('../../store/lock.ts');
  return isSupervisorLocked(lockDb);
}

interface Place {
  gitCommonDir: string;
  root: string;
  bare: boolean;
}

/**
 * One git call in the usual case, since every verb waits for it. In a linked worktree, or where git fails, the git room
 * looks closer and words the error.
 */
async function findPlace(cwd: string): Promise<Place> {
  const args = ['rev-parse', '--path-format=absolute', '--git-dir', '--git-common-dir', '--show-toplevel'];
  const lines = await runGit(args, { cwd }).then(
    ({ stdout }) => stdout.toString('utf8').trimEnd().split('\n'),
    // findRepository meets the same error again, and reports it better.
    () => [],
  );
  const [gitDir, commonDir, top] = lines;
  if (lines.length === 3 && gitDir !== undefined && gitDir === commonDir && top !== undefined) {
    return { gitCommonDir: realpathSync(gitDir), root: realpathSync(top), bare: false };
  }
  const { findRepository, placeOfCheckout } = await import('../../git/repository/repository.ts');
  try {
    const { gitCommonDir, root, bare } = await findRepository(cwd);
    return { gitCommonDir, root, bare };
  } catch (error) {
    // What is up is found all the same: a wrong setting must not keep it from being ended.
    const place = error instanceof SwarmError && error.code === 'bare-repository' ? await placeOfCheckout(cwd) : null;
    if (place === null) throw error;
    return { ...place, bare: false };
  }
}

async function bareRepositoryOf(cwd: string): Promise<string | null> {
  const { placeOfBare } = await import('../../git/repository/repository.ts');
  return await placeOfBare(cwd);
}
