import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isolatedEnvironment, repositoryRoot, type IsolatedEnvironment } from '../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../support/repository.ts';
import { runSwarm, swarmScript, type SwarmRun } from '../support/swarm.ts';

interface EventView {
  id: number;
  at: string;
  name: string;
  agent: string | null;
  task: string | null;
}

let environment: IsolatedEnvironment;
let repository: TemporaryRepository;
const swarm = (...args: string[]): Promise<SwarmRun> =>
  runSwarm(environment, repository.path, args, { timeoutMs: 90_000 });
const events = async (...args: string[]): Promise<EventView[]> =>
  (await swarm('events', '--json', ...args)).jsonLines<EventView>();

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  const files = { 'README.md': 'a project\n', 'swarm.yaml': 'agents: {worker: {kind: shell, count: 1}}\n' };
  repository = await temporaryRepository({ parent: environment.directory, files });
});
afterAll(async () => {
  await swarm('down');
  await environment[Symbol.asyncDispose]();
});

/** A follower, and its output so far. */
function follower(...args: string[]) {
  const child = spawn(swarmScript, ['events', '--follow', '--json', ...args], {
    cwd: repository.path,
    env: environment.variables,
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const seen = (): EventView[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as EventView);
  return { child, ended, seen };
}

describe('while the swarm is down', () => {
  test('scale and events say what to do', async () => {
    const scaled = await swarm('scale', '2');
    expect(scaled.exitCode).toBe(1);
    expect(scaled.stderr).toContain('up 2`');
    expect((await swarm('events')).exitCode).toBe(1);
  });
});

describe('a swarm that is up', () => {
  beforeAll(async () => {
    expect((await swarm('up', '--detach', '--yes')).exitCode).toBe(0);
  });

  test('scale tells what changes, up and down', async () => {
    const base = async (): Promise<unknown> =>
      (await swarm('status', '--json')).json<{ project: { base: unknown } }>().project.base;
    const before = await base();
    // The base of tasks is set by `up`, not by a number.
    await repository.git('switch', '-q', '-c', 'elsewhere');
    expect((await swarm('scale', '2')).stdout).toBe('workers: 1 → 2; worker-2 starts\n');
    expect(await base()).toEqual(before);
    await repository.git('switch', '-q', '-');
    expect((await swarm('scale', '2', '--json')).json()).toMatchObject({
      before: 2,
      after: 2,
      started: [],
      stopped: [],
    });
    expect((await swarm('scale', '1')).stdout).toMatch(/^workers: 2 → 1; worker-2 stops /);
    const stopped = async (): Promise<string | undefined> =>
      (await swarm('status', '--json'))
        .json<{ agents: { id: string; status: string }[] }>()
        .agents.find(({ id }) => id === 'worker-2')?.status;
    await expect.poll(stopped).toBe('stopped');
  });

  test('events come from the history, in order, by id, by time, by agent and task', async () => {
    await swarm('task', 'add', 'one', '--', 'true');
    expect((await swarm('task', 'wait', 't1', '--timeout', '60s')).exitCode).toBe(0);
    const all = await events();
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => a - b));
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['supervisor.started', 'agent.started', 'task.submitted', 'task.done']),
    );
    const ofTask = await events('--task', 't1');
    expect(ofTask.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['task.submitted', 'task.leased', 'task.done']),
    );
    expect(ofTask.every(({ task }) => task === 't1')).toBe(true);
    expect(await events('--agent', 'worker-2', '--task', 't1')).toEqual([]);
    const third = all[2]?.id ?? 0;
    expect((await events('--since', String(third))).map(({ id }) => id)).toEqual(all.slice(3).map(({ id }) => id));
    expect((await events('--since', '1h')).length).toBeGreaterThanOrEqual(all.length);
    expect(await events('--since', '0s')).toEqual([]);
    expect((await events('-n', '2')).map(({ id }) => id)).toEqual(all.slice(-2).map(({ id }) => id));
    expect((await swarm('events', '--task', 't1')).stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} task\.submitted +t1 one /m);
    expect((await swarm('events', '--since', 'noon')).exitCode).toBe(2);
  });

  test('followed events go on, over the death of the supervisor too, each once, and end with Ctrl-C or with swarm', async () => {
    const all = follower();
    const mine = follower('--since', '0s', '--task', 't2');
    await expect.poll(() => all.seen().length).toBeGreaterThan(0);
    const { supervisor } = (await swarm('status', '--json')).json<{ supervisor: { pid: number } }>();
    process.kill(supervisor.pid, 'SIGKILL');
    await expect
      .poll(
        async () => (await swarm('status', '--json')).json<{ supervisor: { pid: number | null } }>().supervisor.pid,
        { timeout: 30_000 },
      )
      .not.toBe(supervisor.pid);
    await swarm('task', 'add', 'two', '--', 'true');
    await expect.poll(() => mine.seen().map(({ name }) => name)).toContain('task.done');
    expect(mine.seen().every(({ task }) => task === 't2')).toBe(true);
    mine.child.kill('SIGINT');
    expect(await mine.ended).toBe(0);
    const asked = await events('--since', '1h');
    await expect.poll(() => all.seen().at(-1)?.id).toBeGreaterThanOrEqual(asked.at(-1)?.id ?? 0);
    const ids = all.seen().map(({ id }) => id);
    expect(ids.slice(0, asked.length)).toEqual(asked.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    await swarm('down');
    expect(await all.ended).toBe(0);
    await swarm('up', '--detach');
  });

  test('a real bash completes verbs and names', async () => {
    const complete = async (...words: string[]): Promise<string[]> => {
      const script = `source <("$0" completion bash); COMP_WORDS=("$0" "$@"); COMP_CWORD=$#; _swarm "$0"; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await execa('bash', ['--norc', '-c', script, swarmScript, ...words], {
        cwd: repository.path,
        env: environment.variables,
        extendEnv: false,
      });
      return stdout.split('\n').filter(Boolean);
    };
    expect(await complete('doc')).toEqual(['doctor']);
    expect(await complete('attach', '')).toEqual(['worker-1', 'worker-2']);
    expect(await complete('logs', 'su')).toEqual(['supervisor']);
    expect(await complete('task', 'show', '')).toEqual(expect.arrayContaining(['t1', 't2']));
    expect(await complete('merge', 't1', '--into', 'm')).toEqual(['main']);
    const { n } = (await swarm('checkpoint', 'worker-1', '--json')).json<{ n: number }>();
    expect(await complete('rollback', 'worker-1', '')).toContain(String(n));
    await swarm('down');
    expect(await complete('attach', '')).toEqual(['worker-1', 'worker-2']);
    expect(await complete('task', 'show', '')).toEqual([]);
    expect((await swarm('status', '--json')).json()).toMatchObject({ supervisor: { state: 'down' } });
  });

  test('the completion key works at a prompt', async () => {
    // A terminal of its own, and keys as a person presses them.
    const keys = `source <("${swarmScript}" completion bash)\nalias swarm='${swarmScript}'\nswarm compl\tba\t | head -1\nexit\n`;
    const { stdout } = await execa('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      cwd: repository.path,
      env: { ...environment.variables, PATH: `${path.dirname(swarmScript)}:${environment.variables['PATH'] ?? ''}` },
      extendEnv: false,
      input: keys,
    });
    expect(stdout).toContain('swarm completion bash ');
    expect(stdout).toContain('# Completion of swarm for bash');
  });
});

/** The spec in that file, read as swarm reads it. */
async function accepted(file: string): Promise<unknown> {
  const { findings } = (await runSwarm(environment, path.dirname(file), ['doctor', '--json'])).json<{
    findings: { check: string; severity: string }[];
  }>();
  expect(findings.find(({ check }) => check === 'config')?.severity).not.toBe('error');
  return parse(await readFile(file, 'utf8'));
}

describe('swarm init', () => {
  const place = async (name: string, files: Record<string, string>): Promise<TemporaryRepository> =>
    await temporaryRepository({ parent: environment.directory, name, files });

  test('writes a swarm.yaml for what is there, and never over another', async () => {
    const { path: root } = await place('node app', {
      'package.json': '{"scripts": {"test": "vitest"}}',
      'pnpm-lock.yaml': '',
    });
    const run = (...args: string[]): Promise<SwarmRun> => runSwarm(environment, path.join(root), ['init', ...args]);
    const written = await run();
    expect([written.exitCode, written.stderr]).toEqual([0, expect.stringContaining('found: pnpm')]);
    const file = path.join(root, 'swarm.yaml');
    expect(await accepted(file)).toMatchObject({
      verify: { test: ['pnpm', 'test'] },
      defaultVerify: 'test',
      base: 'main',
    });

    await writeFile(file, 'base: mine\n');
    const refused = await run('--yes');
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringMatching(/is there already\n.*init --force/)]);
    expect(await readFile(file, 'utf8')).toBe('base: mine\n');
    expect((await run('--force', '--json')).json()).toMatchObject({ file, replaced: true, config: { workers: 3 } });
    expect(await readFile(file, 'utf8')).toContain('defaultVerify: test');
  });

  test('asks five questions on a terminal, and takes the answers', async () => {
    const { path: root } = await place('asked', { Makefile: 'check:\n\ttrue\n' });
    const talk = spawn('script', ['-qec', `${swarmScript} init`, '/dev/null'], {
      cwd: root,
      env: environment.variables,
    });
    const ended = once(talk, 'exit');
    let screen = '';
    talk.stdout.on('data', (part: Buffer) => (screen += part.toString()));
    const answers: [asked: string, typed: string][] = [
      ['[make check; - for none]', 'make check && x'],
      ['put what needs a shell into a script', 'make check fast'],
      ['Agents may run without asking', ''],
      ['How many agents? [3]', '2'],
      ['Branch that tasks start from [main]', 'trunk'],
      ['when no person is there? [Y/n]', 'n'],
    ];
    for (const [asked, typed] of answers) {
      await expect.poll(() => screen).toContain(asked);
      talk.stdin.write(`${typed}\n`);
    }
    expect(await ended).toEqual([0, null]);
    const file = path.join(root, 'swarm.yaml');
    expect(await accepted(file)).toMatchObject({
      verify: { test: ['make', 'check', 'fast'] },
      agents: { worker: { count: 2, allow: ['Bash(make check fast:*)', 'Bash(make check:*)'] } },
      base: 'trunk',
      permissions: { unanswered: 'wait' },
    });
  });
});

describe('the scripts with classic names', () => {
  test('are doors to the verbs, with --help', async () => {
    const run = (name: string, ...args: string[]) =>
      execa(path.join(repositoryRoot, 'scripts', name), args, {
        cwd: repository.path,
        env: environment.variables,
        extendEnv: false,
        reject: false,
      });
    for (const name of ['agent-wrapper.sh', 'setup-tmux.sh', 'monitor-agents.sh']) {
      const { exitCode, stdout } = await run(name, '--help');
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`usage: ${name}`)]);
    }
    expect((await run('agent-wrapper.sh', 'worker-1', 'fly')).exitCode).toBe(2);
    expect((await run('setup-tmux.sh', '1')).exitCode).toBe(0);
    expect(JSON.parse((await run('monitor-agents.sh', '--json')).stdout)).toMatchObject({
      supervisor: { state: 'up' },
    });
    expect((await run('agent-wrapper.sh', 'worker-1', 'restart')).stdout).toContain('worker-1: restart ordered');
  });
});
