import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isolatedEnvironment, type IsolatedEnvironment } from '../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../support/repository.ts';
import { askSupervisor } from '../support/api.ts';
import { runSwarm, type SwarmRun, type SwarmRunOptions } from '../support/swarm.ts';
import { script, VICTIMS, type Victim } from './script.ts';
import { startScriptedApi, type ScriptedApi } from './scripted-api.ts';

interface AgentView {
  id: string;
  status: string;
  pid: number | null;
  session: string | null;
  sessionId: string | null;
  worktree: string;
  task: string | null;
  reason: string | null;
}
interface EventView {
  name: string;
  agent: string | null;
  data: Record<string, unknown>;
}
interface StatusView {
  supervisor: { state: string; pid: number | null; epoch: number | null };
  broker: { state: string; pid: number | null };
  agents: AgentView[];
  tasks: Record<string, number>;
  needsYou: { id: string; agent: string; kind: string; text: string; task: string | null }[];
}
interface TaskView {
  id: string;
  status?: string;
  state: string;
  attempts: { n: number; agent: string; outcome: string | null; sessionId: string | null }[];
  result: { summary: string; commit: string | null } | null;
}

let environment: IsolatedEnvironment;
let api: ScriptedApi;
let repository: TemporaryRepository;

const swarm = (args: string[], options: SwarmRunOptions = {}): Promise<SwarmRun> =>
  runSwarm(environment, repository.path, args, { timeoutMs: 120_000, ...options });

async function ok(args: string[], options: SwarmRunOptions = {}): Promise<SwarmRun> {
  const run = await swarm(args, options);
  expect(run.exitCode, `swarm ${args.join(' ')}\n${run.stdout}\n${run.stderr}`).toBe(0);
  return run;
}

const status = async (): Promise<StatusView> => (await ok(['status', '--json'])).json<StatusView>();
/** The same document without a command, for loops. */
const look = async (): Promise<StatusView> =>
  (await askSupervisor<StatusView>(environment, repository.path, '/v1/swarm')) ?? (await status());
const task = async (id: string): Promise<TaskView> => (await ok(['task', 'show', id, '--json'])).json<TaskView>();
const add = async (...args: string[]): Promise<string> =>
  (await ok(['task', 'add', '--json', ...args])).json<{ id: string }>().id;
const wait = (id: string): Promise<SwarmRun> => ok(['task', 'wait', id, '--timeout', '90s']);
const events = async (): Promise<EventView[]> =>
  (await ok(['events', '--json', '--lines', '10000'])).jsonLines<EventView>();
const show = (commit: string | null | undefined, file: string): Promise<string> =>
  repository.git('show', `${commit ?? 'none'}:${file}`);

async function untilNeedsYou(id: string): Promise<StatusView['needsYou'][number]> {
  let found: StatusView['needsYou'][number] | undefined;
  await expect
    .poll(async () => (found = (await look()).needsYou.find((item) => item.task === id)), {
      timeout: 60_000,
      interval: 200,
    })
    .toBeDefined();
  if (found === undefined) throw new Error('nothing is asked');
  return found;
}

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  api = await startScriptedApi(environment.directory, script);
  environment.variables['ANTHROPIC_BASE_URL'] = api.url;
  repository = await temporaryRepository({
    parent: environment.directory,
    files: {
      'README.md': 'a project\n',
      'check.sh': '#!/bin/sh\necho litter > litter.txt\necho "it is $(cat checked.txt)"\ngrep -q good checked.txt\n',
      'swarm.yaml':
        'verify:\n  check: [sh, check.sh]\nagents:\n  worker: {}\n  runner: {kind: shell, slots: 2, count: 1}\n',
      '.gitignore': 'ignored/\n',
    },
  });
});

afterAll(async () => {
  await swarm(['down']);
  await api[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

describe('the main job', () => {
  test('up 3 brings three agents up, each in its own worktree and tmux session, and says what to type next', async () => {
    const up = await ok(['up', '3', '--detach', '--yes', '--trust']);
    expect(up.stdout).toMatch(/Next: .*task add/);
    const { agents, supervisor } = await status();
    expect(supervisor.state).toBe('up');
    const workers = agents.filter((agent) => agent.id.startsWith('worker-'));
    expect(workers.map((agent) => [agent.id, agent.status])).toEqual([
      ['worker-1', 'idle'],
      ['worker-2', 'idle'],
      ['worker-3', 'idle'],
    ]);
    expect(new Set(workers.map((agent) => agent.worktree)).size).toBe(3);
    for (const agent of workers) expect(existsSync(path.join(agent.worktree, 'README.md'))).toBe(true);
    expect(new Set(workers.map((agent) => agent.session)).size).toBe(3);
  });

  test('a plan of eight tasks with dependencies and priorities is worked off, each with its dependencies code', async () => {
    const base = await add('base', '--priority', 'critical');
    const left = await add('left', '--after', base);
    const right = await add('right', '--after', base, '--priority', 'high');
    const join = await add('join', '--after', left, right, '--priority', 'low');
    const checked = await add('checked', '--verify', 'check');
    const asks = await add('asks');
    const permitted = await add('permitted');
    const forgetful = await add('forgetful', '--after', base);

    const question = await untilNeedsYou(asks);
    expect(question).toMatchObject({ kind: 'question', text: expect.stringContaining('Which colour') as string });
    await ok(['answer', question.agent, 'green']);
    const permission = await untilNeedsYou(permitted);
    expect(permission).toMatchObject({ kind: 'permission', text: expect.stringContaining('python3') as string });
    await ok(['answer', permission.agent, 'allow']);

    for (const id of [base, left, right, join, checked, asks, permitted, forgetful]) await wait(id);

    const answered = (await events()).filter(({ name }) => name === 'agent.answered');
    expect(answered).toMatchObject([
      { agent: question.agent, data: { kind: 'question', decision: 'text' } },
      { agent: permission.agent, data: { kind: 'permission', decision: 'allow' } },
    ]);

    const joined = (await task(join)).result?.commit;
    for (const [file, content] of [
      ['base.txt', 'base'],
      ['left.txt', 'left'],
      ['right.txt', 'right'],
      ['joined.txt', 'joined'],
    ] as const) {
      expect(await show(joined, file)).toBe(content);
    }
    const verified = await task(checked);
    expect(await show(verified.result?.commit, 'checked.txt')).toBe('good');
    expect(verified.attempts).toHaveLength(1);
    expect(api.turns().find((turn) => turn.rule === 'mend')?.prompt).toContain('it is bad');
    // Files of the verify command are in no commit.
    await expect(show(verified.result?.commit, 'litter.txt')).rejects.toThrow();
    expect(await show((await task(asks)).result?.commit, 'colour.txt')).toBe('green');
    expect(await show((await task(permitted)).result?.commit, 'permitted.txt')).toBe('42');
    const reminded = await task(forgetful);
    expect(reminded.result?.summary).toContain('Yes, all of it is written.');
  });

  test('a shell task gives its exit code as its result and its output to the log', async () => {
    const good = await add('count', '--', 'sh', '-c', 'echo counted > count.txt; echo to the log');
    await wait(good);
    expect(await show((await task(good)).result?.commit, 'count.txt')).toBe('counted');
    const bad = await add('fails', '--retries', '0', '--', 'sh', '-c', 'exit 7');
    const waited = await swarm(['task', 'wait', bad, '--timeout', '60s']);
    expect(waited.exitCode).toBe(1);
    const failed = await task(bad);
    expect(failed.state).toBe('dead');
    expect(JSON.stringify(failed.attempts)).toContain('7');
  });

  test('a rollback brings the files of a checkpoint back and keeps what was there before', async () => {
    const [agent] = (await status()).agents;
    if (agent === undefined) throw new Error('no agent');
    const file = path.join(agent.worktree, 'by-hand.txt');
    await mkdir(path.join(agent.worktree, 'ignored'), { recursive: true });
    await writeFile(path.join(agent.worktree, 'ignored/kept.txt'), 'kept\n');
    await writeFile(file, 'first\n');
    const first = (await ok(['checkpoint', agent.id, '-m', 'first', '--json'])).json<{ n: number }>();
    await writeFile(file, 'second\n');
    await writeFile(path.join(agent.worktree, 'new.txt'), 'new\n');
    const rolled = (await ok(['rollback', agent.id, String(first.n), '--json'])).json<{
      safety: number;
      changed: string[];
    }>();
    expect(await readFile(file, 'utf8')).toBe('first\n');
    await expect.poll(async () => (await look()).agents[0]?.status).toBe('idle');
    const statuses = (await events()).filter((event) => event.agent === agent.id).map(({ name }) => name);
    expect(statuses).toContain('agent.status.stopping');
    expect(statuses).not.toContain('agent.status.recovering');
    expect(existsSync(path.join(agent.worktree, 'new.txt'))).toBe(false);
    expect(await readFile(path.join(agent.worktree, 'ignored/kept.txt'), 'utf8')).toBe('kept\n');
    await ok(['rollback', agent.id, String(rolled.safety)]);
    expect(await readFile(file, 'utf8')).toBe('second\n');
    const listed = (await ok(['checkpoint', 'ls', agent.id, '--json'])).json<{ n: number; reason: string }[]>();
    expect(listed.map((entry) => entry.n)).toContain(first.n);
  });

  test('merge brings a result into the checked-out branch, and refuses a dirty one', async () => {
    const id =
      (await ok(['task', 'ls', '--json']))
        .json<{ id: string; title: string }[]>()
        .find((entry) => entry.title === 'join')?.id ?? '';
    expect((await ok(['diff', id])).stdout).toContain('joined.txt');
    await repository.write({ 'README.md': 'changed by hand\n' });
    const refused = await swarm(['merge', id]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/README\.md|uncommitted|dirty/);
    await repository.git('checkout', '--', 'README.md');
    await ok(['merge', id]);
    expect(await readFile(path.join(repository.path, 'joined.txt'), 'utf8')).toBe('joined\n');
  });

  test.each(VICTIMS)(
    'kill -9 of the %s in the middle of a task is mended without a person and loses nothing',
    async (victim) => {
      const name = `survive-${victim}`;
      const id = await add(name);
      // The model thinks: the first half is written, the second is not.
      await expect.poll(() => api.turns().some((turn) => turn.rule === name && turn.step === 1)).toBe(true);
      const before = await status();
      const agent = before.agents.find((candidate) => candidate.task === id);
      if (agent === undefined) throw new Error(`no agent holds ${id}: ${JSON.stringify(before.agents)}`);
      process.kill(await pidOf(victim, before, agent), 'SIGKILL');
      await wait(id);

      const done = await task(id);
      expect(await show(done.result?.commit, `${name}-1.txt`)).toBe('first');
      expect(await show(done.result?.commit, `${name}-2.txt`)).toBe('second');
      expect(done.attempts.filter((attempt) => attempt.outcome === 'done')).toHaveLength(1);
      // The same conversation, whatever was killed.
      const mine = api.turns().filter((turn) => turn.rule?.startsWith(name) === true);
      expect(new Set(mine.map((turn) => turn.session)).size).toBe(1);
      const interrupted = mine.some((turn) => turn.rule === `${name} interrupted`);
      const survives = victim === 'supervisor' || victim === 'broker';
      expect(interrupted).toBe(!survives);
      expect(done.attempts).toHaveLength(victim === 'wrapper' || victim === 'tmux' ? 2 : 1);
      await expect
        .poll(async () => (await look()).agents.map((each) => each.status), { timeout: 60_000, interval: 250 })
        .toEqual(before.agents.map(() => 'idle'));
      expect((await status()).broker.state).toBe('up');
    },
  );

  test('what does not exist is met with the nearest right name', async () => {
    const verb = await swarm(['statsu']);
    expect(verb.exitCode).toBe(2);
    expect(verb.stderr).toContain('status');
    const agent = await swarm(['checkpoint', 'ls', 'worker-9']);
    expect(agent.exitCode).toBe(2);
    expect(agent.stderr).toMatch(/worker-[123]/);
    const unknownTask = await swarm(['task', 'show', 't999']);
    expect(unknownTask.exitCode).toBeGreaterThan(0);
    const dependency = await swarm(['task', 'add', 'x', '--after', 't999']);
    expect(dependency.exitCode).toBeGreaterThan(0);
    expect(dependency.stderr).toContain('t999');
  });

  test('down leaves no process, socket, queue or worktree lock', async () => {
    await ok(['down']);
    const runtime = path.join(environment.runtimeDir, 'swarm');
    const { execa } = await import('execa');
    const sockets = await execa('find', [runtime, '-type', 's']);
    expect(sockets.stdout).toBe('');
    const locks = await execa('find', [path.join(repository.path, '.git'), '-name', '*.lock', '-o', '-name', 'locked']);
    expect(locks.stdout).toBe('');
    const after = (await ok(['status', '--json'])).json<StatusView>();
    expect(after.supervisor.state).toBe('down');
  });
});

async function pidOf(victim: Victim, { supervisor, broker }: StatusView, agent: AgentView): Promise<number> {
  const known = { agent: agent.pid, supervisor: supervisor.pid, broker: broker.pid }[victim as string];
  if (known !== undefined && known !== null) return known;
  const { execa } = await import('execa');
  const { stdout: socket } = await execa('find', [environment.runtimeDir, '-name', 'tmux.sock']);
  const format = victim === 'tmux' ? '#{pid}' : '#{pane_pid}';
  const { stdout } = await execa('tmux', [
    '-S',
    socket,
    'display-message',
    '-p',
    '-t',
    `=${agent.session ?? ''}:`,
    format,
  ]);
  return Number(stdout);
}
