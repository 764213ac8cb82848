import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { demoScript, repositoryFiles } from '../../demo/plan.ts';
import type { AgentKind } from '../../domain/agent.ts';
import { swarmStateDir, type ProjectLayout } from '../../domain/layout.ts';
import { porcelain } from '../../git/porcelain.ts';
import { layoutOfNew } from '../project/project.ts';

/**
 * In the environment of every process that is started in the place, so that it is found when the demonstration ends.
 */
export const DEMO_MARK = 'SWARM_DEMO';
/** The same for the commands of the narration; a supervisor that one of them starts does not inherit it. */
export const COMMAND_MARK = 'SWARM_DEMO_COMMAND';

/** The one directory in which everything of the demonstration lies: repository, state, sockets, home, broker. */
export interface DemoPlace {
  directory: string;
  repository: string;
  /** The whole environment of programs that are started there: no account and no setting of the person's. */
  env: Record<string, string>;
  kind: AgentKind;
}

/** Variables of the person's environment that are kept: the terminal, and the name by which swarm was called. */
const KEPT = [
  'LANG',
  'TERM',
  'TERMINFO',
  'NO_COLOR',
  'FORCE_COLOR',
  'SWARM_SUPERVISOR_PROGRAM',
  'SWARM_DEMO_PROGRAM',
  'SWARM_RABBITMQ_HOME',
];
const DIRECTORIES = ['home', 'state', 'run', 'config', 'tmp', 'greeter'];

/** @param programs directory of the `claude` to use, or null when PATH has it */
export async function makePlace(env: NodeJS.ProcessEnv, kind: AgentKind, programs: string | null): Promise<DemoPlace> {
  // Short, because sockets lie below and their paths end at about 100 bytes.
  const directory = await realpath(
    await mkdtemp(path.join(os.tmpdir().length <= 30 ? os.tmpdir() : '/tmp', 'swarm-demo-')),
  );
  try {
    for (const name of DIRECTORIES) await mkdir(path.join(directory, name), { mode: 0o700 });
    const place: DemoPlace = {
      directory,
      repository: path.join(directory, 'greeter'),
      env: placeEnvironment(env, directory, programs),
      kind,
    };
    await makeRepository(place);
    await shareBrokerInstallation(env, place);
    return place;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

export function layoutOfPlace({ env, repository }: DemoPlace): ProjectLayout {
  return layoutOfNew(env, { gitCommonDir: path.join(repository, '.git'), root: repository });
}

/** Writes the place down for the other processes of the demonstration. */
export async function writePlace(place: DemoPlace): Promise<void> {
  await writeFile(placeFile(place.directory), JSON.stringify(place), { mode: 0o600 });
}

export async function readPlace(directory: string): Promise<DemoPlace> {
  return JSON.parse(await readFile(placeFile(directory), 'utf8')) as DemoPlace;
}

function placeFile(directory: string): string {
  return path.join(directory, 'place.json');
}

export async function writeScript({ directory }: DemoPlace): Promise<string> {
  const file = path.join(directory, 'script.json');
  await writeFile(file, JSON.stringify(demoScript()));
  return file;
}

function placeEnvironment(env: NodeJS.ProcessEnv, directory: string, programs: string | null): Record<string, string> {
  const inside = (name: string): string => path.join(directory, name);
  const inherited = KEPT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as [string, string]]));
  // A terminal may be described in the person's home; the empty entry stands for the system's directories.
  const terminals = [env['TERMINFO_DIRS'], path.join(env['HOME'] ?? '/', '.terminfo')];
  return {
    ...Object.fromEntries(inherited),
    TERMINFO_DIRS: `${terminals.filter((one) => one !== undefined && one !== '').join(':')}:`,
    PATH: [programs, env['PATH']].filter((part) => part !== null && part !== undefined && part !== '').join(':'),
    HOME: inside('home'),
    XDG_STATE_HOME: inside('state'),
    XDG_RUNTIME_DIR: inside('run'),
    XDG_CONFIG_HOME: inside('config'),
    TMPDIR: inside('tmp'),
    [DEMO_MARK]: directory,
    // Shown commands are those that a person types once swarm is on PATH.
    SWARM_COMMAND: 'swarm',
    // The scripted API takes any token; with one set, Claude Code asks for no login.
    ANTHROPIC_AUTH_TOKEN: 'demo',
  };
}

async function makeRepository({ repository, env, kind }: DemoPlace): Promise<void> {
  for (const [name, content] of Object.entries(repositoryFiles(kind)))
    await writeFile(path.join(repository, name), content);
  const ofNobody = { HOME: env['HOME'] ?? '/', GIT_CONFIG_NOSYSTEM: '1' };
  await porcelain({ cwd: repository, env: ofNobody }, async (git) => {
    await git.init(['-b', 'main']);
    await git.addConfig('user.name', 'Swarm Demo');
    await git.addConfig('user.email', 'demo@localhost');
    await git.add(['-A']);
    await git.commit('Begin');
  });
}

/** Shares the record of an installation of RabbitMQ, which the person's set-up may have begun just now. */
async function shareBrokerInstallation(env: NodeJS.ProcessEnv, place: DemoPlace): Promise<void> {
  const record = path.join(swarmStateDir(env), 'broker', 'install.json');
  if (!existsSync(record)) return;
  const { brokerDir } = layoutOfPlace(place);
  await mkdir(brokerDir, { recursive: true, mode: 0o700 });
  await symlink(record, path.join(brokerDir, 'install.json'));
}
