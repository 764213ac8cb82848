import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../../support/repository.ts';
import { runSwarm, swarmScript } from '../../support/swarm.ts';

let environment: IsolatedEnvironment;
let repository: TemporaryRepository;
let monitor: Promise<unknown> | null = null;
let told = '';

interface Explained {
  status: string;
  rule: string;
  reason: string | null;
  facts: { fact: string; value: string }[];
}

const swarm = async (...args: string[]): Promise<string> => {
  const run = await runSwarm(environment, repository.path, args, { timeoutMs: 50_000 });
  expect(run.exitCode, `swarm ${args.join(' ')}\n${run.stdout}\n${run.stderr}`).toBe(0);
  return run.stdout;
};
const explained = async (): Promise<Explained> => JSON.parse(await swarm('explain', 'runner-1', '--json')) as Explained;

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  const alerts = path.join(environment.directory, 'alerts.jsonl');
  repository = await temporaryRepository({
    parent: environment.directory,
    files: {
      'swarm.yaml': [
        'agents:',
        '  worker: {count: 0}',
        '  runner: {kind: shell, count: 2, intensity: 1, backoff: 50ms, backoffMax: 50ms}',
        `alerts: {command: [sh, -c, 'cat >> ${alerts}']}`,
        'stopGrace: 1s',
        '',
      ].join('\n'),
    },
  });
});

afterAll(async () => {
  await runSwarm(environment, repository.path, ['down']);
  await monitor;
  await environment[Symbol.asyncDispose]();
});

const panePid = ({ facts }: Explained): number =>
  Number(/^alive, pid (\d+)$/.exec(facts.find(({ fact }) => fact === 'pane')?.value ?? '')?.[1]);

test('an agent that dies too often rests, and is one alert and its end, whatever becomes of the supervisor', async () => {
  await swarm('up', '--detach', '--yes');
  const watching = execa(swarmScript, ['monitor'], {
    cwd: repository.path,
    env: environment.variables,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  monitor = watching;
  watching.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  await expect.poll(() => told).toContain('nothing is wrong');
  const killed = new Set<number>();
  await expect
    .poll(
      async () => {
        const now = await explained();
        const [status, pid] = [now.status, panePid(now)];
        if (status === 'idle' && !killed.has(pid)) {
          process.kill(pid, 'SIGKILL');
          killed.add(pid);
        }
        return status;
      },
      { message: 'given up after the second death' },
    )
    .toBe('failed');
  expect(await explained()).toMatchObject({ rule: 'given-up', reason: expect.stringContaining('died 2 times') });
  await expect.poll(() => told).toMatch(/critical +runner-1 has failed: died 2 times/);
  const supervisor = async (): Promise<{ pid: number; epoch: number }> =>
    (JSON.parse(await swarm('status', '--json')) as { supervisor: { pid: number; epoch: number } }).supervisor;
  const { pid, epoch } = await supervisor();
  process.kill(pid, 'SIGKILL');
  await expect.poll(async () => (await supervisor()).epoch).toBe(epoch + 1);
  expect(await explained(), 'it rests in the next supervisor, too').toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('died 2 times'),
  });
  await swarm('restart', 'runner-1');
  // A supervisor that has had no time to see the trouble itself keeps it open for half a minute.
  await expect.poll(() => told).toMatch(/over +runner-1 has failed/);
  const given = async (): Promise<string[]> =>
    (await readFile(path.join(environment.directory, 'alerts.jsonl'), 'utf8')).trim().split('\n');
  await expect.poll(given).toHaveLength(2);
  expect((await given()).map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { state: 'raised', key: 'agent.failed.runner-1', severity: 'critical' },
    { state: 'recovered', key: 'agent.failed.runner-1' },
  ]);
});
