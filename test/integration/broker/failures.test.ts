import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import amqp from 'amqplib';
import { afterEach, expect, test, vi } from 'vitest';
import { brokerStatus, ensureBroker, findRabbitmq } from '../../../src/broker/index.ts';
import { lockBroker } from '../../../src/broker/lock.ts';
import { brokerDirectory } from '../../support/broker.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** An installation with a test's start script, which sees the environment of every start. */
function fakeInstall(dir: string, script: string): string {
  const home = path.join(dir, 'install');
  mkdirSync(path.join(home, 'sbin'), { recursive: true });
  mkdirSync(path.join(home, 'plugins', 'rabbit-3.99.0'), { recursive: true });
  const file = path.join(home, 'sbin', 'rabbitmq-server');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return home;
}

test('without RabbitMQ it says how to get it', async () => {
  await using directory = await brokerDirectory();
  vi.stubEnv('SWARM_RABBITMQ_HOME', path.join(directory.dir, 'nowhere'));
  await expect(ensureBroker({ dir: directory.dir })).rejects.toMatchObject({
    code: 'no-rabbitmq',
    retrySafe: true,
    hint: expect.stringContaining('apt-get install rabbitmq-server'),
  });
  expect(directory.processes()).toEqual([]);
});

test('the installed RabbitMQ is found with its version', async () => {
  expect(await findRabbitmq()).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test('when the core applications alone do not start, all of them are tried, and that is remembered', async () => {
  await using directory = await brokerDirectory();
  const real = await findRabbitmq();
  if (real === null) throw new Error('RabbitMQ is not installed');
  const home = fakeInstall(
    directory.dir,
    `case "$RABBITMQ_SCRIPTS_DIR" in *slim*) echo slim >> ${directory.dir}/tries; echo "application missing"; exit 3;; esac
echo full >> ${directory.dir}/tries
export RABBITMQ_SCRIPTS_DIR=${real.home}/sbin
exec ${real.home}/sbin/rabbitmq-server`,
  );
  vi.stubEnv('SWARM_RABBITMQ_HOME', home);
  const told: string[] = [];
  const first = await ensureBroker({ dir: directory.dir, onProgress: (text) => told.push(text) });
  expect(told).toContainEqual(expect.stringContaining('trying all of them'));
  const model = await amqp.connect(first.url);
  model.on('error', () => undefined);
  process.kill(first.pid, 'SIGKILL');
  await expect.poll(() => brokerStatus(directory.dir)).toMatchObject({ state: 'stopped' });
  expect(await ensureBroker({ dir: directory.dir })).toMatchObject({ started: true, port: first.port });
  expect(readFileSync(path.join(directory.dir, 'tries'), 'utf8').trim().split('\n')).toEqual(['slim', 'full', 'full']);
});

test('a node that does not start is shown with its last words, and leaves no process', async () => {
  await using directory = await brokerDirectory();
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, 'echo "BOOT FAILED: the moon is wrong"; exit 1'));
  await expect(ensureBroker({ dir: directory.dir })).rejects.toMatchObject({
    code: 'broker-boot-failed',
    message: expect.stringContaining('the moon is wrong'),
    hint: expect.stringContaining(path.join(directory.dir, 'log')),
  });
  expect(directory.processes()).toEqual([]);
});

test('a node that never answers is given up in time, and leaves no process', async () => {
  await using directory = await brokerDirectory();
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, 'sleep 600 & exec sleep 600'));
  await expect(ensureBroker({ dir: directory.dir, timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'broker-boot-failed',
  });
  expect(directory.processes()).toEqual([]);
});

test('a start that is called off leaves no process, and the next one works', async () => {
  await using directory = await brokerDirectory();
  const scope = new AbortController();
  const starting = ensureBroker({ dir: directory.dir, signal: scope.signal });
  const outcome = expect(starting).rejects.toThrow(/abort/i);
  await expect.poll(() => directory.processes().length, { interval: 5, timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  scope.abort();
  await outcome;
  expect(directory.processes()).toEqual([]);
  expect(await ensureBroker({ dir: directory.dir })).toMatchObject({ started: true });
});

test('a directory that cannot be made is said so', async () => {
  await using directory = await brokerDirectory();
  const file = path.join(directory.dir, 'file');
  writeFileSync(file, '');
  await expect(ensureBroker({ dir: path.join(file, 'broker') })).rejects.toMatchObject({ code: 'broker-directory' });
});

test('the lock is held by one at a time, and waiting for it ends', async () => {
  await using directory = await brokerDirectory();
  const first = await lockBroker(directory.dir, 1_000);
  await expect(lockBroker(directory.dir, 50)).rejects.toMatchObject({ code: 'broker-busy' });
  await expect(lockBroker(directory.dir, 5_000, AbortSignal.timeout(20))).rejects.toThrow(/abort|timeout/i);
  first[Symbol.dispose]();
  using _second = await lockBroker(directory.dir, 1_000);
});
