import { createHash } from 'node:crypto';
import path from 'node:path';

/** The places of everything that belongs to one project. Pure: nothing is created or looked up here. */
export interface ProjectLayout {
  /** First 10 hex digits of sha256(real path of the git common directory). Identity of the project everywhere. */
  hash: string;
  /** The name of the repository's directory, safe for file names. For show: it says nothing of where things lie. */
  name: string;
  /** Real path of the git common directory. */
  gitCommonDir: string;
  /** Where `swarm.yaml` is read: root of the main worktree; of a remembered one where the repository is bare. */
  root: string;
  stateDir: string;
  db: string;
  lockDb: string;
  logsDir: string;
  shadowGit: string;
  /** Results that the broker has not confirmed yet, one file each, per agent. */
  spoolDir: string;
  /** Which repository the state belongs to; written by each supervisor that begins. */
  recordFile: string;
  /** Names the runtime directory in use, for those shells of this user whose environment leads to another one. */
  runtimeFile: string;
  runtimeDir: string;
  /** HTTP API of the supervisor. */
  apiSocket: string;
  /** Wrappers dial this one (newline-delimited JSON). */
  linkSocket: string;
  tmuxSocket: string;
  /** 0600: the environment of the shell in which the person called `swarm`. */
  envSnapshot: string;
  /** 0600 per agent: the spec with which its wrapper begins. */
  specDir: string;
  supervisorPidFile: string;
  worktreesDir: string;
  /** Why `down --purge` kept worktrees; it lies there until the next try. */
  keptFile: string;
  /** The tasks and records that `down --purge` forgot, for `swarm undo`. */
  purgedFile: string;
  /** Shared by all projects of this user. */
  brokerDir: string;
  /** The ports of each agent, of all projects of this user. */
  portsDir: string;
  /** swarm-wide state directory: broker, installed tools. */
  swarmStateDir: string;
}

export interface LayoutInput {
  gitCommonDir: string;
  root: string;
  env: Readonly<Record<string, string | undefined>>;
  uid: number;
  tmpdir: string;
  /** By default that of `root`. */
  name?: string | undefined;
  /** `worktree.dir` of the config, absolute, when set. */
  worktreesDir?: string | undefined;
}

export function projectHash(gitCommonDir: string): string {
  return createHash('sha256').update(gitCommonDir).digest('hex').slice(0, 10);
}

export function swarmStateDir(env: LayoutInput['env']): string {
  const home = env['HOME'] ?? '/';
  const base = env['XDG_STATE_HOME'];
  return path.join(base !== undefined && path.isAbsolute(base) ? base : path.join(home, '.local', 'state'), 'swarm');
}

/** A Unix socket's path ends at about 100 bytes, so sockets live under the short runtime directory. */
export function runtimeBase(env: LayoutInput['env'], uid: number, tmpdir: string): string {
  const xdg = env['XDG_RUNTIME_DIR'];
  if (xdg !== undefined && path.isAbsolute(xdg) && xdg.length <= 60) return path.join(xdg, 'swarm');
  return path.join(tmpdir.length <= 40 ? tmpdir : '/tmp', `swarm-${uid}`);
}

/** Last part of a path, safe for file names. */
export function safeName(place: string): string {
  return (
    path
      .basename(place)
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .slice(0, 40) || 'repository'
  );
}

/** What people call a bare repository: `shop` for `shop.git`, and for `shop/.bare` or `shop/.git` too. */
export function nameOfBare(gitCommonDir: string): string {
  const own = path.basename(gitCommonDir);
  return own.startsWith('.') ? path.basename(path.dirname(gitCommonDir)) : own.replace(/\.git$/, '');
}

export function projectLayout(input: LayoutInput): ProjectLayout {
  const hash = projectHash(input.gitCommonDir);
  const state = swarmStateDir(input.env);
  return {
    hash,
    name: safeName(input.name ?? input.root),
    gitCommonDir: input.gitCommonDir,
    root: input.root,
    ...statePlaces(path.join(state, hash)),
    ...runtimePlaces(path.join(runtimeBase(input.env, input.uid, input.tmpdir), hash)),
    worktreesDir: input.worktreesDir ?? `${input.root}.swarm`,
    purgedFile: path.join(state, 'purged', `${hash}.json`),
    brokerDir: path.join(state, 'broker'),
    portsDir: path.join(state, 'ports'),
    swarmStateDir: state,
  };
}

type StatePlaces = Pick<
  ProjectLayout,
  'stateDir' | 'db' | 'lockDb' | 'logsDir' | 'shadowGit' | 'spoolDir' | 'recordFile' | 'runtimeFile' | 'keptFile'
>;

function statePlaces(stateDir: string): StatePlaces {
  return {
    stateDir,
    db: path.join(stateDir, 'swarm.db'),
    lockDb: path.join(stateDir, 'lock.db'),
    logsDir: path.join(stateDir, 'logs'),
    shadowGit: path.join(stateDir, 'shadow.git'),
    spoolDir: path.join(stateDir, 'spool'),
    recordFile: path.join(stateDir, 'project.json'),
    runtimeFile: path.join(stateDir, 'runtime.json'),
    keptFile: path.join(stateDir, 'kept.json'),
  };
}

/** The same project with its state elsewhere: where a swarm of an earlier version put it. */
export function withStateDir(layout: ProjectLayout, stateDir: string): ProjectLayout {
  return stateDir === layout.stateDir ? layout : { ...layout, ...statePlaces(stateDir) };
}

type RuntimePlaces = Pick<
  ProjectLayout,
  'runtimeDir' | 'apiSocket' | 'linkSocket' | 'tmuxSocket' | 'envSnapshot' | 'specDir' | 'supervisorPidFile'
>;

function runtimePlaces(runtimeDir: string): RuntimePlaces {
  return {
    runtimeDir,
    apiSocket: path.join(runtimeDir, 'api.sock'),
    linkSocket: path.join(runtimeDir, 'link.sock'),
    tmuxSocket: path.join(runtimeDir, 'tmux.sock'),
    envSnapshot: path.join(runtimeDir, 'env.json'),
    specDir: path.join(runtimeDir, 'agents'),
    supervisorPidFile: path.join(runtimeDir, 'supervisor.json'),
  };
}

/** The same project with its sockets elsewhere. @param runtimeDir null: they stay where they are */
export function withRuntimeDir(layout: ProjectLayout, runtimeDir: string | null): ProjectLayout {
  return runtimeDir === null || runtimeDir === layout.runtimeDir ? layout : { ...layout, ...runtimePlaces(runtimeDir) };
}

/** The directory of agents' worktrees as the settings have it. @param dir `worktree.dir` */
export function withWorktreesDir(layout: ProjectLayout, { dir }: { dir?: string | undefined }): ProjectLayout {
  return dir === undefined ? layout : { ...layout, worktreesDir: path.resolve(layout.root, dir) };
}
