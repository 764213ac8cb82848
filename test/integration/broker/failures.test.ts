import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import amqp from 'amqplib';
import { afterEach, expect, test, vi } from 'vitest';
import { brokerLogFiles, brokerStatus, ensureBroker, findRabbitmq, stopBroker } from '../../../src/broker/index.ts';
import { lockBroker } from '../../../src/broker/lock.ts';
import { brokerDirectory } from '../../support/broker.ts';
import { ownMounts } from '../../support/own-mounts.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** An installation with a test's start script, which sees the environment of every start. */
function fakeInstall(dir: string, script: string): string {
  const home = path.join(dir, 'install');
  mkdirSync(path.join(home, 'sbin'), { recursive: true });
  mkdirSync(path.join(home, 'plugins', 'rabbit-3.99.0', 'ebin'), { recursive: true });
  writeFileSync(path.join(home, 'plugins', 'rabbit-3.99.0', 'ebin', 'rabbit.app'), '{applications, [kernel]}');
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
  // Why the first try failed can be read after the second one.
  const shown = brokerLogFiles(directory.dir).map((file) => readFileSync(file, 'utf8'));
  expect(shown).toContainEqual('application missing\n');
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

test('a node that is slow, and works or says so, is not begun anew', async () => {
  await using directory = await brokerDirectory();
  const real = await findRabbitmq();
  if (real === null) throw new Error('RabbitMQ is not installed');
  const home = fakeInstall(
    directory.dir,
    `echo begun >> ${directory.dir}/tries
timeout 4.5 sh -c 'while :; do :; done'
for n in 1 2 3 4 5 6 7 8 9; do sleep 0.5; echo "step $n"; done
export RABBITMQ_SCRIPTS_DIR=${real.home}/sbin
exec ${real.home}/sbin/rabbitmq-server`,
  );
  vi.stubEnv('SWARM_RABBITMQ_HOME', home);
  expect(await ensureBroker({ dir: directory.dir, timeoutMs: 8_000 })).toMatchObject({ started: true });
  expect(readFileSync(path.join(directory.dir, 'tries'), 'utf8')).toBe('begun\n');
});

test('a node that works for ever without an answer is given up, too', async () => {
  await using directory = await brokerDirectory();
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, 'while :; do :; done'));
  await expect(ensureBroker({ dir: directory.dir, timeoutMs: 600 })).rejects.toMatchObject({
    code: 'broker-boot-failed',
    message: expect.stringContaining('no answer within'),
  });
  expect(directory.processes()).toEqual([]);
});

test('a start that is called off leaves no process, and the next one works', async () => {
  await using directory = await brokerDirectory();
  const scope = new AbortController();
  const starting = ensureBroker({ dir: directory.dir, signal: scope.signal });
  const outcome = expect(starting).rejects.toThrow(/abort/i);
  await expect.poll(() => directory.processes().length, { interval: 5 }).toBeGreaterThanOrEqual(2);
  scope.abort();
  await outcome;
  expect(directory.processes()).toEqual([]);
  expect(await ensureBroker({ dir: directory.dir })).toMatchObject({ started: true });
});

test('a stop does not wait for a start that takes its time, but ends it', async () => {
  await using directory = await brokerDirectory();
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, 'exec sleep 600'));
  const starting = ensureBroker({ dir: directory.dir, timeoutMs: 16_000 });
  const outcome = expect(starting).rejects.toMatchObject({ code: 'broker-stopped' });
  await expect.poll(() => directory.processes().length, { interval: 5 }).toBeGreaterThanOrEqual(2);
  await stopBroker(directory.dir);
  await outcome;
  expect(directory.processes()).toEqual([]);
  // It was asked of that start alone.
  vi.unstubAllEnvs();
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

test('a machine that does not know the name localhost needs no cure', async () => {
  await using directory = await brokerDirectory();
  const words = ownMounts();
  if (words === null) throw new Error('nothing can be mounted here, over /etc/hosts');
  const [program = '', ...rest] = words;
  const hosts = path.join(directory.dir, 'hosts');
  writeFileSync(hosts, '127.0.0.1 container\n');
  const run = [process.execPath, path.join(import.meta.dirname, 'ensure-once.ts'), directory.dir];
  const script = 'mount --bind "$0" /etc/hosts && mount --bind /dev/null /etc/resolv.conf && exec "$@"';
  const { stdout } = await execa(program, [...rest, 'sh', '-c', script, hosts, ...run]);
  expect(JSON.parse(stdout)).toMatchObject({ started: true });
});

test('data of a newer RabbitMQ are put aside whole, which is said once, and the node begins anew', async () => {
  await using directory = await brokerDirectory();
  const file = path.join(directory.dir, 'broker.json');
  const version = async (): Promise<string> => (await findRabbitmq())?.version ?? '';
  await ensureBroker({ dir: directory.dir });
  await stopBroker(directory.dir);
  const record = JSON.parse(readFileSync(file, 'utf8')) as { dataVersion: string };
  expect(record.dataVersion).toBe(await version());
  writeFileSync(file, JSON.stringify({ ...record, dataVersion: '99.1.0' }));
  writeFileSync(path.join(directory.dir, 'mnesia', 'of-the-newer'), 'x');

  const told: string[] = [];
  const handle = await ensureBroker({ dir: directory.dir, onProgress: (text) => told.push(text) });
  const place = path.join(directory.dir, 'mnesia-99.1.0');
  expect(handle.note).toContain(`they lie in ${place}`);
  expect(told).toContain(handle.note);
  expect(readFileSync(path.join(place, 'of-the-newer'), 'utf8')).toBe('x');
  expect(existsSync(path.join(directory.dir, 'mnesia', 'of-the-newer'))).toBe(false);
  await (await amqp.connect(handle.url)).close();
  await stopBroker(directory.dir);
  expect(await ensureBroker({ dir: directory.dir })).toMatchObject({ started: true, note: null });
});

test('data that were put aside for a node which did not start are told by the start that works', async () => {
  await using directory = await brokerDirectory();
  await ensureBroker({ dir: directory.dir });
  await stopBroker(directory.dir);
  const file = path.join(directory.dir, 'broker.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), dataVersion: '99.1.0' }));
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, 'exit 1'));
  await expect(ensureBroker({ dir: directory.dir })).rejects.toMatchObject({ code: 'broker-boot-failed' });
  vi.unstubAllEnvs();
  expect((await ensureBroker({ dir: directory.dir })).note).toContain('mnesia-99.1.0');
});

test('data of which only the node knows that it cannot read them are put aside, and the node begins anew at once', async () => {
  await using directory = await brokerDirectory();
  const real = await findRabbitmq();
  if (real === null) throw new Error('RabbitMQ is not installed');
  const old = path.join(directory.dir, 'mnesia', 'old');
  const script = `if [ -e ${old} ]; then echo 'required feature flag not enabled'; seq 40; exit 1; fi
export RABBITMQ_SCRIPTS_DIR=${real.home}/sbin
exec ${real.home}/sbin/rabbitmq-server`;
  vi.stubEnv('SWARM_RABBITMQ_HOME', fakeInstall(directory.dir, script));
  // As a swarm leaves them that does not write down the version.
  mkdirSync(path.dirname(old), { recursive: true });
  writeFileSync(old, 'x');
  const { note } = await ensureBroker({ dir: directory.dir });
  expect(note).toContain('cannot read the data of another version');
  expect(readFileSync(path.join(directory.dir, 'mnesia-unknown', 'old'), 'utf8')).toBe('x');
});
