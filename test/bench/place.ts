import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectHash } from '../../src/domain/layout.ts';
import { type ScriptedApi, startScriptedApi } from '../e2e/scripted-api.ts';
import { isolatedEnvironment, type IsolatedEnvironment, repositoryRoot } from '../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../support/repository.ts';
import { runSwarm, type SwarmRun } from '../support/swarm.ts';

/** About the size of source files: git's floors depend on bytes as well as on names. */
const FILE_BYTES = 4_800;
const FILES_PER_DIRECTORY = 50;
const COMMAND_TIMEOUT_MS = 180_000;
const BROKER_TIMEOUT_MS = 60_000;

export interface StatusView {
  supervisor: { state: string; pid: number | null };
  broker: { state: string; pid: number | null; url: string | null };
  agents: { id: string; status: string; pid: number | null; worktree: string }[];
  tasks: Record<string, number>;
  project: { hash: string };
}

/** A repository on a private machine, with a scripted model; everything is removed at the end. */
export interface BenchPlace extends AsyncDisposable {
  environment: IsolatedEnvironment;
  repository: TemporaryRepository;
  api: ScriptedApi;
  /** Runs a verb to its end. @throws when it does not exit with 0 */
  swarm(...args: string[]): Promise<SwarmRun>;
  status(): Promise<StatusView>;
  /** One API request over a connection that is kept. @throws on anything but a 2xx */
  call<T>(method: 'GET' | 'POST', route: string, body?: unknown): Promise<T>;
  /** The project's name on the broker. */
  hash: string;
  logsDir: string;
  /**
   * Makes the place like a fresh clone: swarm down, without worktrees, tasks and checkpoints. The broker is left alone.
   */
  forget(): Promise<void>;
}

export interface BenchPlaceOptions {
  /** Files in the repository, beside `swarm.yaml`. */
  files: number;
  /** Text of `swarm.yaml`. */
  config?: string;
  /** Script of the model; without one it answers nothing. */
  script?: unknown;
}

export async function benchPlace({ files, config, script }: BenchPlaceOptions): Promise<BenchPlace> {
  const environment = await isolatedEnvironment({ graceMs: 10_000 });
  const api = await startScriptedApi(environment.directory, script ?? { rules: [] });
  environment.variables['ANTHROPIC_BASE_URL'] = api.url;
  await makeAccountUsed(environment);
  const repository = await repositoryOf(environment.directory, files, config);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const swarm = async (...args: string[]): Promise<SwarmRun> => {
    const run = await runSwarm(environment, repository.path, args, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (run.exitCode === 0) return run;
    throw new Error(`swarm ${args.join(' ')} ended with ${run.exitCode}\n${run.stdout}\n${run.stderr}`);
  };
  const hash = projectHash(realpathSync(path.join(repository.path, '.git')));
  const apiSocket = path.join(environment.runtimeDir, 'swarm', hash, 'api.sock');
  const stateDir = path.join(environment.stateHome, 'swarm', hash);
  return {
    environment,
    repository,
    api,
    swarm,
    hash,
    logsDir: path.join(stateDir, 'logs'),
    status: async () => (await swarm('status', '--json')).json<StatusView>(),
    call: (method, route, body) => callApi(apiSocket, agent, method, route, body),
    forget: async () => {
      await swarm('down');
      const worktrees = `${repository.path}.swarm`;
      for (const name of existsSync(worktrees) ? readdirSync(worktrees) : []) {
        await repository.git('worktree', 'remove', '--force', path.join(worktrees, name));
      }
      await rm(stateDir, { recursive: true });
    },
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      // Both are harmless where there is nothing to stop.
      await swarm('down');
      await swarm('broker', 'stop');
      await api[Symbol.asyncDispose]();
      await environment[Symbol.asyncDispose]();
    },
  };
}

/**
 * Makes the account that of a person who has used Claude Code before: its very first start looks through the whole
 * repository, which takes as long as the start. And no start looks for hosts that cannot be reached from here.
 */
async function makeAccountUsed({ home, variables }: IsolatedEnvironment): Promise<void> {
  await writeFile(path.join(home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true }));
  variables['CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC'] = '1';
}

async function repositoryOf(parent: string, files: number, config: string | undefined): Promise<TemporaryRepository> {
  const repository = await temporaryRepository({ parent, files: false });
  if (config !== undefined) await repository.write({ 'swarm.yaml': config });
  for (let at = 0; at < files; at += 1) {
    const directory = path.join(repository.path, `src/part-${Math.floor(at / FILES_PER_DIRECTORY)}`);
    if (at % FILES_PER_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, `file-${at}.ts`), sourceText(at));
  }
  await repository.git('add', '-A');
  await repository.git('commit', '-q', '-m', 'A first commit');
  return repository;
}

/** Text that differs in each file, and is as compressible as source code. */
function sourceText(seed: number): string {
  let state = seed + 1;
  let text = '';
  while (text.length < FILE_BYTES) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += `export const value${state} = compute(${state % 1_000}, 'name-${state % 97}');\n`;
  }
  return text;
}

function callApi<T>(socketPath: string, agent: http.Agent, method: string, route: string, body: unknown): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const request = http.request({ socketPath, path: route, method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 500;
        if (status >= 300) reject(new Error(`${method} ${route}: ${status} ${answer}`));
        else resolve(JSON.parse(answer) as T);
      });
    });
    request.on('error', reject);
    request.end(text);
  });
}

/**
 * Keeps the broker up by a second project of the same person, with an agent that costs nothing, so that the measured
 * project is not the node's first.
 */
export async function keepBrokerUp({ environment }: BenchPlace): Promise<AsyncDisposable> {
  const config = 'agents:\n  worker: {count: 0}\n  runner: {kind: shell, count: 1}\n';
  const other = await temporaryRepository({
    parent: environment.directory,
    name: 'other',
    files: { 'swarm.yaml': config },
  });
  const swarm = async (...args: string[]): Promise<SwarmRun> => {
    const run = await runSwarm(environment, other.path, args, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (run.exitCode !== 0) throw new Error(`swarm ${args.join(' ')} ended with ${run.exitCode}\n${run.stderr}`);
    return run;
  };
  await swarm('up', '--detach', '--yes', '--trust');
  await until('broker', BROKER_TIMEOUT_MS, async () => {
    const { broker } = (await swarm('status', '--json')).json<StatusView>();
    return broker.state === 'up' ? true : null;
  });
  return { [Symbol.asyncDispose]: async () => void (await swarm('down')) };
}

/** Polls until `look` returns a value. @throws after `timeoutMs` */
export async function until<T>(
  what: string,
  timeoutMs: number,
  look: () => T | null | Promise<T | null>,
  everyMs = 5,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms there is no ${what}`);
    await pause(everyMs);
  }
}

/** The programs of the build under test. */
export function builtProgram(name: 'cli' | 'supervisor' | 'wrapper'): string {
  const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
  return path.join(repositoryRoot, 'dist', build, `${name}.js`);
}
