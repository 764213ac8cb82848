import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import type { StatusDocument } from '../../../src/api/status/schemas.ts';
import { askSupervisor } from '../../support/api.ts';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../../support/repository.ts';
import { runSwarm, type SwarmRun } from '../../support/swarm.ts';

/** A swarm.yaml that is written while its swarm is up. */
let environment: IsolatedEnvironment;
let repository: TemporaryRepository;

const swarm = (...args: string[]): Promise<SwarmRun> =>
  runSwarm(environment, repository.path, args, { timeoutMs: 55_000 });

async function ok(...args: string[]): Promise<SwarmRun> {
  const run = await swarm(...args);
  expect(run.exitCode, `swarm ${args.join(' ')}\n${run.stdout}\n${run.stderr}`).toBe(0);
  return run;
}

const status = async (): Promise<StatusDocument> =>
  (await askSupervisor<StatusDocument>(environment, repository.path, '/v1/swarm')) ??
  (await ok('status', '--json')).json<StatusDocument>();
const agents = async (): Promise<string> =>
  (await status()).agents.map((agent) => `${agent.id} ${agent.status}`).join(', ');
const write = (...lines: string[]): Promise<void> =>
  writeFile(path.join(repository.path, 'swarm.yaml'), `${lines.join('\n')}\n`);
const roles = (count: number, more = ''): string =>
  `agents: {worker: {count: 0}, runner: {kind: shell, count: ${count}${more}}}`;

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  repository = await temporaryRepository({
    parent: environment.directory,
    files: { 'swarm.yaml': `${roles(1)}\nstopGrace: 1s\n` },
  });
  await ok('up', '--detach', '--yes');
});

afterAll(async () => {
  await swarm('down');
  await environment[Symbol.asyncDispose]();
});

test('what is in order is applied to the swarm that is up, and its agents get it when they are idle', async () => {
  const before = await status();
  await write(roles(2, ', slots: 2'), 'stopGrace: 1s', 'tasks: {retries: 0}');
  await expect.poll(agents).toBe('runner-1 idle, runner-2 idle');
  await expect.poll(async () => (await status()).config?.outdated).toEqual([]);
  const after = await status();
  expect(after.config).toMatchObject({ refused: null, later: [] });
  expect(after.config?.version).not.toBe(before.config?.version);
  expect([after.supervisor.pid, after.agents[0]?.restarts]).toEqual([before.supervisor.pid, 0]);
  // No agent was in trouble.
  const statuses = (await ok('events', '--json', '--lines', '1000'))
    .jsonLines<EventDocument>()
    .filter(({ name, agent }) => agent === 'runner-1' && name.startsWith('agent.status.'))
    .map(({ name, data }) => [name, data['reason']]);
  expect(statuses).toContainEqual(['agent.status.stopping', 'for a change of its settings']);
  expect(statuses.map(([name]) => name)).not.toContain('agent.status.recovering');
  // Two slots of the same agent, and no second attempt.
  const { id } = (
    await ok('task', 'add', 'both', '--agent', 'runner-1', '--json', '--command', 'sh', '-c', 'exit 1')
  ).json<{
    id: string;
  }>();
  expect((await swarm('task', 'wait', id, '--timeout', '40s')).exitCode).toBe(1);
  expect((await ok('task', 'show', id, '--json')).json<{ attempts: unknown[] }>().attempts).toHaveLength(1);
});

test('a wrong file is refused with its line, and so is one that was not approved; the earlier settings stay in force', async () => {
  const { config } = await status();
  const refused = async (): Promise<string> => (await status()).config?.refused?.message ?? '';
  await write(roles(1), 'stopGrace: soon');
  await expect.poll(refused).toMatch(/swarm\.yaml:2:12: .*is not accepted/);
  const shown = (await ok('status')).stdout;
  expect(shown).toMatch(/not applied: .*swarm\.yaml:2:12/);
  expect(shown).toContain(`version ${config?.version ?? ''} counts`);
  await write(roles(1), 'verify: {test: [npm, test]}');
  await expect.poll(refused).toContain('names programs that are not approved');
  expect(await agents()).toBe('runner-1 idle, runner-2 idle');
  const names = (await ok('events', '--json')).jsonLines<EventDocument>().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['config.applied', 'config.refused', 'alert.raised']));
  // With the person's approval it is in force at once.
  await ok('up', '--detach', '--yes');
  expect((await status()).config?.refused).toBeNull();
  await expect.poll(agents).toBe('runner-1 idle, runner-2 stopped');
});

test('an agent that the machine would not bear waits, visibly, and starts when it may; running ones are not touched', async () => {
  const { agents: before, supervisor } = await status();
  await write(roles(3), 'admission: {memory: 900TiB}');
  await expect.poll(agents).toBe('runner-1 idle, runner-2 held, runner-3 held');
  expect((await ok('status')).stdout).toMatch(/runner-2 +held .*admission: .* of memory are free/);
  await write(roles(3));
  await expect.poll(agents).toBe('runner-1 idle, runner-2 idle, runner-3 idle');
  const after = await status();
  expect([after.supervisor.pid, after.agents[0]?.pid]).toEqual([supervisor.pid, before[0]?.pid]);
});

test('a role with `scale` follows the work that waits, and keeps what its agents leave', async () => {
  const scale = (idle: string): string => `scale: {min: 1, max: 3, after: 0s, idle: ${idle}, cooldown: 1s}`;
  await write(`agents: {worker: {count: 0}, runner: {kind: shell, count: 1, ${scale('1h')}}}`);
  await expect.poll(agents).toBe('runner-1 idle, runner-2 stopped, runner-3 stopped');
  const added = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => ok('task', 'add', name, '--json', '--', 'sleep', '4')),
  );
  await expect.poll(agents).toMatch(/runner-2 (idle|working), runner-3 (idle|working)/);
  await ok('task', 'wait', ...added.map((run) => run.json<{ id: string }>().id), '--timeout', '50s');
  await write(`agents: {worker: {count: 0}, runner: {kind: shell, count: 1, ${scale('1s')}}}`);
  await expect.poll(async () => (await agents()).split(' stopped').length - 1).toBe(2);
  const scaled = (await ok('events', '--json'))
    .jsonLines<EventDocument>()
    .filter(({ name }) => name === 'swarm.scaled');
  expect(scaled.at(-1)?.data).toMatchObject({ role: 'runner', to: 1 });
});
