import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { REPOSITORY_FILES, demoScript } from '../demo/plan.ts';
import { SwarmError } from '../domain/errors.ts';
import { runGit } from '../git/git.ts';
import { programFile } from './supervise.ts';

const API_TIMEOUT_MS = 10_000;

/** Everything that the demonstration touches lies in one directory: repository, state, sockets, home, broker. */
export interface DemoPlace {
  directory: string;
  repository: string;
  /** The whole environment of what is started there: no account and no setting of the person's. */
  env: Record<string, string>;
  api: ChildProcess;
}

/** @param programs directory of the `claude` to use, or null when PATH has it */
export async function makePlace(
  env: NodeJS.ProcessEnv,
  programs: string | null,
  signal: AbortSignal,
): Promise<DemoPlace> {
  // Short, because sockets lie below and their paths end at about 100 bytes.
  const directory = await mkdtemp(path.join(os.tmpdir().length <= 30 ? os.tmpdir() : '/tmp', 'swarm-demo-'));
  const undo = new AsyncDisposableStack();
  try {
    undo.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
    const inside = (name: string): string => path.join(directory, name);
    for (const name of ['home', 'state', 'run', 'config', 'tmp', 'greeter']) await mkdir(inside(name), { mode: 0o700 });
    const repository = inside('greeter');
    await makeRepository(repository, inside('home'));
    const api = startApi(env, await writeScript(inside('script.json')));
    undo.defer(() => endApi(api));
    const url = await readUrl(api, signal);
    undo.move();
    return { directory, repository, api, env: placeEnvironment(env, directory, programs, url) };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

function placeEnvironment(
  env: NodeJS.ProcessEnv,
  directory: string,
  programs: string | null,
  url: string,
): Record<string, string> {
  const inside = (name: string): string => path.join(directory, name);
  const kept = [
    'LANG',
    'TERM',
    'NO_COLOR',
    'FORCE_COLOR',
    'SWARM_COMMAND',
    'SWARM_SUPERVISOR_PROGRAM',
    'SWARM_DEMO_PROGRAM',
  ];
  const inherited = kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as [string, string]]));
  return {
    ...Object.fromEntries(inherited),
    PATH: [programs, env['PATH']].filter((part) => part !== null && part !== undefined && part !== '').join(':'),
    HOME: inside('home'),
    XDG_STATE_HOME: inside('state'),
    XDG_RUNTIME_DIR: inside('run'),
    XDG_CONFIG_HOME: inside('config'),
    TMPDIR: inside('tmp'),
    ANTHROPIC_BASE_URL: url,
    // The scripted API takes any; with one there, nobody is asked to log in.
    ANTHROPIC_AUTH_TOKEN: 'demo',
  };
}

async function makeRepository(repository: string, home: string): Promise<void> {
  for (const [name, content] of Object.entries(REPOSITORY_FILES)) await writeFile(path.join(repository, name), content);
  const git = (...args: string[]): Promise<unknown> =>
    runGit(args, { cwd: repository, env: { HOME: home, GIT_CONFIG_NOSYSTEM: '1' } });
  await git('init', '-q', '-b', 'main');
  await git('config', 'user.name', 'Swarm Demo');
  await git('config', 'user.email', 'demo@localhost');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'Begin');
}

async function writeScript(file: string): Promise<string> {
  await writeFile(file, JSON.stringify(demoScript()));
  return file;
}

/** Its stdin is our pipe: should we be killed, it ends too. */
function startApi(env: NodeJS.ProcessEnv, script: string): ChildProcess {
  return spawn(process.execPath, [programFile('demo', env), '--script', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function readUrl(api: ChildProcess, signal: AbortSignal): Promise<string> {
  if (api.stdout === null) throw new SwarmError('demo-failed', 'the scripted API has no output');
  const lines = createInterface({ input: api.stdout });
  const patience = AbortSignal.any([signal, AbortSignal.timeout(API_TIMEOUT_MS)]);
  try {
    const [url] = (await Promise.race([
      once(lines, 'line', { signal: patience }),
      once(lines, 'close', { signal: patience }),
    ])) as [string?];
    if (url?.startsWith('http://') === true) return url;
    throw new SwarmError('demo-failed', 'the scripted API did not start');
  } finally {
    lines.close();
  }
}

export async function endApi(api: ChildProcess): Promise<void> {
  if (api.exitCode !== null || api.signalCode !== null) return;
  const ended = once(api, 'exit');
  api.kill('SIGTERM');
  await ended;
}
