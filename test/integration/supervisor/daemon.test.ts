import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/api/client.ts';
import { projectLayout } from '../../../src/domain/layout.ts';
import { isRunning } from '../../../src/lib/running.ts';
import { askSupervisor } from '../../support/api.ts';
import { keepBroker } from '../../support/broker.ts';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../../support/repository.ts';
import { runSwarm, type SwarmRun } from '../../support/swarm.ts';

/** The whole daemon with agents that need no model: an order to end, and contrary orders at once. */
let environment: IsolatedEnvironment;
let repository: TemporaryRepository;
let other: AsyncDisposable;

interface View {
  supervisor: { state: string; pid: number | null; epoch: number | null };
  agents: { id: string; status: string; reason: string | null; restarts: number; worktree: string }[];
}

const swarm = (...args: string[]): Promise<SwarmRun> =>
  runSwarm(environment, repository.path, args, { timeoutMs: 55_000 });

async function ok(...args: string[]): Promise<SwarmRun> {
  const run = await swarm(...args);
  expect(run.exitCode, `swarm ${args.join(' ')}\n${run.stdout}\n${run.stderr}`).toBe(0);
  return run;
}

const status = async (): Promise<View> =>
  (await askSupervisor<View>(environment, repository.path, '/v1/swarm')) ?? (await ok('status', '--json')).json<View>();
const statuses = async (): Promise<string> =>
  (await status()).agents.map((agent) => `${agent.id} ${agent.status}`).join(', ');

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  repository = await temporaryRepository({
    parent: environment.directory,
    files: { 'swarm.yaml': 'agents:\n  worker: {count: 0}\n  runner: {kind: shell, count: 2}\nstopGrace: 1s\n' },
  });
  other = await keepBroker(environment);
  await ok('up', '--detach', '--yes');
});

afterAll(async () => {
  await swarm('down');
  await other[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

describe('the daemon', () => {
  test('told to go by a signal it is started again by its agents, which go on with what they do', async () => {
    const before = await status();
    const { id } = (await ok('task', 'add', 'long', '--json', '--', 'sh', '-c', 'sleep 3; echo done > done.txt')).json<{
      id: string;
    }>();
    await expect.poll(statuses).toContain('working');
    process.kill(before.supervisor.pid ?? 0, 'SIGTERM');
    await expect.poll(() => isRunning(before.supervisor.pid ?? 0)).toBe(false);
    await expect.poll(async () => (await status()).supervisor.epoch).toBe((before.supervisor.epoch ?? 0) + 1);
    await ok('task', 'wait', id, '--timeout', '40s');
    const shown = (await ok('task', 'show', id, '--json')).json<{ attempts: unknown[] }>();
    expect(shown.attempts).toHaveLength(1);
    expect((await status()).agents.map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  test('an agent whose worktree was deleted while it was stopped gets a new one', async () => {
    const [agent] = (await status()).agents;
    if (agent === undefined) throw new Error('no agent');
    await setAgent(agent.id, 'stop');
    await expect.poll(statuses).toContain(`${agent.id} stopped`);
    await rm(agent.worktree, { recursive: true });
    await setAgent(agent.id, 'resume');
    await expect.poll(statuses).toContain(`${agent.id} idle`);
    expect(existsSync(path.join(agent.worktree, 'swarm.yaml'))).toBe(true);
  });

  test('down and up at the same moment end with what was said last', async () => {
    // The broker goes and comes too.
    await other[Symbol.asyncDispose]();
    for (let round = 0; round < 3; round += 1) {
      const down = swarm('down');
      // At another moment of the end each time.
      await new Promise((resolve) => setTimeout(resolve, 150 + round * 450));
      await ok('up', '--detach', '--yes');
      await expect.poll(statuses).toBe('runner-1 idle, runner-2 idle');
      // Either it was down before the other came, or it reports that another `up` came first; it does not wait for
      // ever.
      const { exitCode, stderr, durationMs } = await down;
      expect(durationMs).toBeLessThan(20_000);
      if (exitCode !== 0)
        expect([exitCode, stderr]).toEqual([
          1,
          expect.stringMatching(/error: swarm was brought up again while it went down\n.*swarm down/),
        ]);
    }
    other = await keepBroker(environment);
  });

  test('an agent whose role is gone says so, and is stopped by the next up', async () => {
    await ok('down');
    const file = path.join(repository.path, 'swarm.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('runner:', 'builder:'));
    await ok('up', '--detach', '--yes');
    await expect.poll(statuses).toBe('runner-1 stopped, runner-2 stopped, builder-1 idle, builder-2 idle');
    await ok('down');
    await writeFile(file, text);
    await ok('up', '--detach', '--yes');
    await expect.poll(statuses).toContain('builder-1 stopped');
  });

  test('of a purge that kept one worktree the others can be taken back, at once and after the next purge', async () => {
    const worktree = (n: number, ...file: string[]): string =>
      path.join(`${repository.path}.swarm`, `builder-${n}`, ...file);
    await writeFile(worktree(1, 'mine.txt'), 'mine\n');
    const kept = await ok('down', '--purge', '--yes');
    expect(kept.stdout).toMatch(/kept .*builder-1: 1 untracked file: mine\.txt/);
    expect(kept.stderr.replaceAll(/\s+/g, ' ')).toContain('undo AGENT` brings a worktree back that did go');
    expect([existsSync(worktree(1)), existsSync(worktree(2))]).toEqual([true, false]);
    expect((await ok('undo', 'builder-2')).stdout).toMatch(/builder-2: the purge of .* is taken back/);
    expect(await readFile(worktree(2, 'swarm.yaml'), 'utf8')).toContain('runner:');
    expect(await statuses()).toContain('builder-2 stopped');
    await ok('down', '--purge', '--yes');
    await rm(worktree(1, 'mine.txt'));
    await ok('down', '--purge', '--yes');
    await ok('undo', 'builder-2');
    expect(existsSync(worktree(2, 'swarm.yaml'))).toBe(true);
    expect(await statuses()).toBe('builder-2 stopped');
  });

  test('after a purge nothing is remembered, and the next up begins anew', async () => {
    await ok('down', '--purge', '--yes');
    expect(existsSync(`${repository.path}.swarm`)).toBe(false);
    const state = path.join(environment.stateHome, 'swarm');
    expect(readdirSync(state).filter((name) => name.startsWith('repo-'))).toEqual([]);
    await ok('up', '--detach', '--yes');
    await expect.poll(statuses).toBe('runner-1 idle, runner-2 idle');
    await ok('down');
  });
});

/** Sets an agent by the API. */
async function setAgent(id: string, verb: 'resume' | 'stop'): Promise<void> {
  const gitCommonDir = path.join(repository.path, '.git');
  const layout = projectLayout({
    gitCommonDir,
    root: repository.path,
    env: environment.variables,
    uid: process.getuid?.() ?? 0,
    tmpdir: '/tmp',
  });
  await connect(layout).agents[verb]({ id });
}
