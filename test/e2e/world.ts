import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { expect } from 'vitest';
import {
  isolatedEnvironment,
  type IsolatedEnvironment,
  type IsolatedEnvironmentOptions,
} from '../support/environment.ts';
import {
  temporaryRepository,
  type TemporaryRepository,
  type TemporaryRepositoryOptions,
} from '../support/repository.ts';
import { askSupervisor } from '../support/api.ts';
import { keepBroker } from '../support/broker.ts';
import { processesOf, type LivingProcess } from '../support/processes.ts';
import { runSwarm, type SwarmRun, type SwarmRunOptions } from '../support/swarm.ts';
import { startScriptedApi, type ScriptedApi } from './scripted-api.ts';

/** The fields of the `--json` documents that tests read; declared here because they are the contract. */
export interface AgentView {
  id: string;
  status: string;
  reason: string | null;
  pid: number | null;
  session: string | null;
  sessionId: string | null;
  worktree: string;
  task: string | null;
  restarts: number;
}
/** A line of `swarm events --json`. */
export interface EventView {
  at: string;
  name: string;
  agent: string | null;
  task: string | null;
  data: Record<string, unknown>;
}

export interface StatusView {
  project: { hash: string; root: string };
  supervisor: { state: string; pid: number | null; epoch: number | null };
  broker: { state: string; pid: number | null; reason: string | null };
  agents: AgentView[];
  tasks: Record<string, number>;
  queues: { name: string; messages: number; consumers: number }[];
  needsYou: { id: string; agent: string; kind: string; text: string; task: string | null }[];
}
export interface TaskView {
  id: string;
  title: string;
  state: string;
  reason: string | null;
  attempts: {
    n: number;
    agent: string;
    startedAt: string;
    outcome: string | null;
    error: string | null;
    sessionId: string | null;
  }[];
  result: { summary: string; commit: string | null; branch: string | null } | null;
}

/** One worker that runs commands: up in a second, for tests that are not about Claude Code. */
export const SHELL_WORKER = 'agents: {worker: {kind: shell, count: 1}}\n';
/** `up` without a question and without waiting. */
export const UP = ['up', '--detach', '--yes', '--trust'];

/** A machine with a repository on it, and swarm as a person uses it there. */
export interface World extends AsyncDisposable {
  environment: IsolatedEnvironment;
  repository: TemporaryRepository;
  api: ScriptedApi | null;
  run(args: string[], options?: SwarmRunOptions & { cwd?: string }): Promise<SwarmRun>;
  /** Runs swarm, which must exit with 0. */
  ok(args: string[], options?: SwarmRunOptions & { cwd?: string }): Promise<SwarmRun>;
  status(): Promise<StatusView>;
  task(id: string): Promise<TaskView>;
  add(...args: string[]): Promise<string>;
  /** Adds a shell task. */
  shell(script: string, ...args: string[]): Promise<string>;
  /** Waits until the task is in this state. */
  until(id: string, state: string): Promise<TaskView>;
  done(...ids: string[]): Promise<void>;
  /** A file of a task's result. */
  show(id: string, file: string): Promise<string>;
  /** Waits until every agent has this status. */
  all(status: string): Promise<StatusView>;
  brokerUp(): Promise<StatusView>;
}

export interface WorldOptions {
  /** The account of the person, which outlives the world; without one it has its own. */
  account?: Account;
  environment?: IsolatedEnvironmentOptions;
  repository?: Omit<TemporaryRepositoryOptions, 'parent'>;
  /** Script of the Messages API; without one there is no API. */
  script?: unknown;
}

const TIMEOUT_MS = 90_000;

/** One person's account for several worlds. Its broker stays up between them, as if another project used it. */
export interface Account extends AsyncDisposable {
  environment: IsolatedEnvironment;
}

export async function openAccount(): Promise<Account> {
  const environment = await isolatedEnvironment({ graceMs: 5_000 });
  const other = await keepBroker(environment);
  return {
    environment,
    [Symbol.asyncDispose]: async () => {
      await other[Symbol.asyncDispose]();
      await environment[Symbol.asyncDispose]();
    },
  };
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const { account } = options;
  const environment = account?.environment ?? (await isolatedEnvironment({ graceMs: 5_000, ...options.environment }));
  const repository = await temporaryRepository({
    parent: account === undefined ? environment.directory : await mkdtemp(path.join(environment.directory, 'w')),
    files: { 'README.md': 'a project\n', 'swarm.yaml': SHELL_WORKER },
    ...options.repository,
  });
  const api = options.script === undefined ? null : await startScriptedApi(environment.directory, options.script);
  if (api !== null) environment.variables['ANTHROPIC_BASE_URL'] = api.url;

  const run: World['run'] = (args, { cwd, ...rest } = {}) =>
    runSwarm(environment, cwd ?? repository.path, args, { timeoutMs: TIMEOUT_MS, ...rest });
  const ok: World['ok'] = async (args, rest) => {
    const ended = await run(args, rest);
    expect(ended.exitCode, `swarm ${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
    return ended;
  };
  // The document of `--json` is that of the API; where no supervisor answers there, the command knows more.
  const ask = <T>(route: string, body?: unknown) => askSupervisor<T>(environment, repository.path, route, body);
  const status: World['status'] = async () =>
    (await ask<StatusView>('/v1/swarm')) ?? (await ok(['status', '--json'])).json<StatusView>();
  const task: World['task'] = async (id) =>
    (await ask<TaskView>(`/v1/tasks/${id}`)) ?? (await ok(['task', 'show', id, '--json'])).json<TaskView>();
  const until: World['until'] = (id, state) =>
    poll(
      () => task(id),
      (view) => view.state === state,
      `${id} to be ${state}`,
    );
  const ended = (id: string) =>
    poll(
      () => task(id),
      ({ state }) => ['done', 'dead', 'cancelled'].includes(state),
      `${id} to end`,
      80_000,
    );
  const add: World['add'] = async (...args) => (await ok(['task', 'add', '--json', ...args])).json<{ id: string }>().id;
  return {
    environment,
    repository,
    api,
    run,
    ok,
    status,
    task,
    add,
    shell: async (script, ...args) => {
      const title = script.slice(0, 60);
      const given = { title, command: ['sh', '-c', script] };
      const added = args.length > 0 ? null : await ask<{ id: string }>('/v1/tasks', given);
      return added?.id ?? (await add(title, ...args, '--', 'sh', '-c', script));
    },
    until,
    done: async (...ids) => {
      for (const id of ids) expect(await ended(id), id).toMatchObject({ state: 'done' });
    },
    show: async (id, file) => await repository.git('show', `${(await task(id)).result?.commit ?? 'none'}:${file}`),
    all: (wanted) =>
      poll(
        status,
        ({ agents }) => agents.length > 0 && agents.every((agent) => agent.status === wanted),
        `every agent to be ${wanted}`,
      ),
    brokerUp: () => poll(status, ({ broker }) => broker.state === 'up', 'the broker to be up'),
    [Symbol.asyncDispose]: async () => {
      // A test that fails may have moved it; the environment ends what is left.
      if (existsSync(repository.path)) await run(['down']);
      await api?.[Symbol.asyncDispose]();
      if (account === undefined) await environment[Symbol.asyncDispose]();
    },
  };
}

const POLL_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** As `expect.poll`, also outside of a test: resolves with the first good value; the error names the last one. */
export async function poll<T>(
  read: () => T | Promise<T>,
  good: (value: T) => boolean,
  what: string,
  timeoutMs = POLL_TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (good(value)) return value;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${timeoutMs} ms, last seen: ${JSON.stringify(value)}`);
    await pause(POLL_MS);
  }
}

/** A person's view of an error: one or two lines, no stack trace; on stdout nothing. */
export function expectError(ended: SwarmRun, exitCode: number, ...says: (string | RegExp)[]): void {
  expect(ended.exitCode, `${ended.stdout}\n${ended.stderr}`).toBe(exitCode);
  expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  for (const text of says) expect(ended.stderr).toMatch(text);
}

/** Files below `directory` that satisfy find's `tests`. */
export async function find(directory: string, ...tests: string[]): Promise<string[]> {
  const { stdout } = await execa('find', [directory, ...tests], { reject: false });
  return stdout.split('\n').filter(Boolean);
}

/** Pid of the wrapper in an agent's pane. */
export async function wrapperPid({ environment }: World, agent: string): Promise<number> {
  return Number(await tmux(environment, 'display-message', '-p', '-t', `=${agent}:`, '#{pane_pid}'));
}

export async function tmux(environment: IsolatedEnvironment, ...argv: string[]): Promise<string> {
  const [socket = ''] = await find(environment.runtimeDir, '-name', 'tmux.sock');
  const { stdout } = await execa('tmux', ['-S', socket, ...argv], { env: {}, extendEnv: true });
  return stdout;
}

/** Every process that belongs to the environment, by argv. */
export function commandLinesOf(directory: string): { pid: number; argv: string[] }[] {
  const found: { pid: number; argv: string[] }[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const belongs =
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(directory) ||
        readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
      if (belongs) found.push({ pid: Number(pid), argv });
    } catch (error) {
      // Ended meanwhile, or another user's.
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

/** Every process of swarm, without the scripted model, which tests must not kill. */
export const swarmProcesses = ({ environment }: World): LivingProcess[] =>
  processesOf(environment.directory).filter(({ commandLine }) => !commandLine.includes('/demo.js'));

export async function killEverything(world: World): Promise<void> {
  const killed = () => {
    const living = swarmProcesses(world);
    for (const { pid } of living) kill(pid);
    return living.length;
  };
  await poll(killed, (count) => count === 0, 'everything to be dead');
}

export function kill(pid: number | null, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === null) throw new Error('there is no such process');
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export const outcomes = ({ attempts }: TaskView): (string | null)[] => attempts.map(({ outcome }) => outcome);

/** Tokens by which swarm knows agents, their hooks and tools. */
export async function agentTokens({ environment }: World): Promise<string[]> {
  const texts = (await find(environment.runtimeDir, '-type', 'f')).map((file) => textOf(file).toString());
  const found = texts.flatMap((text) =>
    [...text.matchAll(/(?:"token": ?"|Bearer )([A-Za-z0-9_-]{16,})/g)].map((match) => match[1] ?? ''),
  );
  return [...new Set(found)];
}

/**
 * The secrets are in no argv, and in no file that outlives the swarm or may be shown around; `keeper` is the one file
 * that may hold them.
 */
export async function expectKept({ environment }: World, secrets: readonly string[], keeper?: string): Promise<void> {
  const leaks = (text: string | Buffer) => secrets.some((secret) => text.includes(secret));
  expect(commandLinesOf(environment.directory).filter(({ argv }) => leaks(argv.join(' ')))).toEqual([]);
  const files = await find(environment.stateHome, '-type', 'f');
  expect(files.filter((file) => file !== keeper && leaks(textOf(file)))).toEqual([]);
}

/** Empty where the file is gone again, as one that the broker writes for a moment. */
function textOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

export interface BrokerRecord {
  file: string;
  ports: Record<'amqp' | 'epmd' | 'dist', number>;
  password: string;
  url: string;
}

/** The address of the private node, as swarm keeps it. */
export function brokerRecord({ environment }: World): BrokerRecord {
  const file = path.join(environment.stateHome, 'swarm/broker/broker.json');
  const { ports, credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    ports: BrokerRecord['ports'];
    credentials: Record<'user' | 'password' | 'vhost', string>;
  };
  const { user, password, vhost } = credentials;
  return {
    file,
    ports,
    password,
    url: `amqp://${user}:${password}@127.0.0.1:${ports.amqp}/${encodeURIComponent(vhost)}`,
  };
}

export const inside = (world: World, ...names: string[]): string => path.join(world.environment.directory, ...names);
