import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import amqp from 'amqplib';
import { describe, expect } from 'vitest';
import {
  brokerLogFiles,
  brokerStatus,
  ensureBroker,
  joinBroker,
  leaveBroker,
  leaveForDead,
  stopBroker,
} from '../../../src/broker/index.ts';
import { processesOf } from '../../../src/broker/processes.ts';
import { identityOf, isAlive } from '../../../src/process/index.ts';
import { brokerDirectory, brokerTest as test } from '../../support/broker.ts';
import { listeningAddresses, unlessGone } from './sockets.ts';

interface BrokerFile {
  credentials: { password: string };
  node: { pid: number | undefined; [key: string]: unknown };
  [key: string]: unknown;
}

/** The Erlang nodes among processes. */
function nodesOf(pids: number[]): number[] {
  return pids.filter((pid) => unlessGone(() => readFileSync(`/proc/${pid}/comm`, 'utf8'), '').startsWith('beam'));
}

function readJson(file: string): BrokerFile {
  return JSON.parse(readFileSync(file, 'utf8')) as BrokerFile;
}

describe('starting', () => {
  test('many callers in several processes at once get one node, and only one of them started it', async () => {
    await using directory = await brokerDirectory();
    const run = (): Promise<{ pid: number; started: boolean }> =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [path.join(import.meta.dirname, 'ensure-once.ts'), directory.dir], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let output = '';
        child.stdout.on('data', (chunk) => (output += String(chunk)));
        child.on('error', reject);
        child.on('close', (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`exit ${code}`))));
      });
    const others = [run(), run()];
    const own = [1, 2].map(() => ensureBroker({ dir: directory.dir }));
    const handles = await Promise.all([...others, ...own]);
    const pids = new Set(handles.map((handle) => handle.pid));
    expect(pids.size).toBe(1);
    expect(handles.filter((handle) => handle.started)).toHaveLength(1);
    expect(nodesOf(directory.processes())).toHaveLength(1);
    // Both other processes have ended; the node lives on.
    expect(await brokerStatus(directory.dir)).toMatchObject({ state: 'running', pid: handles[0]?.pid });
  });

  test('files with secrets are private, and listeners are on loopback only', async ({ broker }) => {
    for (const file of ['broker.json', 'etc/definitions.json', 'etc/rabbitmq.conf']) {
      expect(statSync(path.join(broker.dir, file)).mode & 0o777, file).toBe(0o600);
    }
    expect(statSync(path.join(broker.dir, 'home/.erlang.cookie')).mode & 0o777).toBe(0o400);
    expect(statSync(broker.dir).mode & 0o777).toBe(0o700);

    const listeners = broker.processes().flatMap(listeningAddresses);
    expect(listeners.length).toBeGreaterThanOrEqual(3); // AMQP, distribution, port mapper
    expect(listeners.filter(({ address }) => address !== '127.0.0.1' && address !== '::1')).toEqual([]);
    expect(listeners.map(({ port }) => port)).toContain(broker.handle.port);
    const { password } = readJson(path.join(broker.dir, 'broker.json')).credentials;
    for (const pid of broker.processes())
      expect(unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')).not.toContain(password);
    expect(broker.handle.publicUrl).not.toContain(password);
    // What RabbitMQ says that it needs is enough for it, and boots in half the time.
    expect(readJson(path.join(broker.dir, 'broker.json')).node['tree']).toBe('slim');
  });

  test('the generated user gets in at once, guest does not', async ({ broker }) => {
    const model = await amqp.connect(broker.url);
    await model.close();
    const guest = new URL(broker.url);
    guest.username = 'guest';
    guest.password = 'guest';
    await expect(amqp.connect(guest.href)).rejects.toThrow(/ACCESS.REFUSED/);
    expect(brokerLogFiles(broker.dir)).toContain(path.join(broker.dir, 'log/stdout.log'));
  });
});

describe('after a death', () => {
  test('confirmed persistent messages are back after kill -9, on the same port', async ({ broker }) => {
    const declaring = await amqp.connect(broker.url);
    await (await declaring.createChannel()).assertQueue('kept', { durable: true });
    await declaring.close();
    const first = await broker.settle();
    const model = await amqp.connect(broker.url);
    model.on('error', () => undefined);
    const channel = await model.createConfirmChannel();
    for (let n = 0; n < 500; n++) channel.sendToQueue('kept', Buffer.from(String(n)), { persistent: true });
    await channel.waitForConfirms();
    broker.kill();
    await expect.poll(() => brokerStatus(broker.dir)).toMatchObject({ state: 'stopped' });

    const second = await broker.ensure();
    expect(second).toMatchObject({ started: true, port: first.port, url: first.url });
    expect(second.pid).not.toBe(first.pid);
    const again = await amqp.connect(broker.url);
    const reader = await again.createChannel();
    expect(await reader.checkQueue('kept')).toMatchObject({ messageCount: 500 });
    await again.close();
  });

  test('a node left in the middle of its start by a dead starter is taken over', async () => {
    await using directory = await brokerDirectory();
    const starter = spawn(process.execPath, [path.join(import.meta.dirname, 'ensure-once.ts'), directory.dir], {
      stdio: 'ignore',
    });
    await expect.poll(() => directory.processes().length, { interval: 5 }).toBeGreaterThanOrEqual(2);
    starter.kill('SIGKILL');
    const handle = await ensureBroker({ dir: directory.dir });
    const nodes = nodesOf(directory.processes());
    expect(nodes).toEqual([handle.pid]);
  });

  test('a node that hangs is replaced', async ({ broker }) => {
    const first = broker.handle;
    process.kill(first.pid, 'SIGSTOP');
    const record = path.join(broker.dir, 'broker.json');
    const second = await broker.ensure();
    expect(second).toMatchObject({ started: true, port: first.port });
    expect(readJson(record).node.pid).toBe(second.pid);
    expect(identityOf(first.pid)).toBeNull();
  });

  test('a stale record that names a living foreign process is neither believed nor is that process harmed', async ({
    broker,
  }) => {
    await stopBroker(broker.dir);
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    try {
      const file = path.join(broker.dir, 'broker.json');
      const record = readJson(file);
      const now = identityOf(process.pid);
      const stale = { pid: bystander.pid, startTime: '1', bootId: now?.bootId ?? '' };
      record.node = { ...stale, startedAt: new Date().toISOString(), version: '3.10.8', tree: 'slim', ready: true };
      record.epmd = stale;
      writeFileSync(file, JSON.stringify(record));
      expect(await brokerStatus(broker.dir)).toMatchObject({ state: 'stopped' });
      const handle = await broker.ensure();
      expect(handle.started).toBe(true);
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  test('a record that was cut off keeps the data', async ({ broker }) => {
    const model = await amqp.connect(broker.url);
    const channel = await model.createConfirmChannel();
    await channel.assertQueue('kept too', { durable: true });
    channel.sendToQueue('kept too', Buffer.from('x'), { persistent: true });
    await channel.waitForConfirms();
    await model.close();
    writeFileSync(path.join(broker.dir, 'broker.json'), '{"v":1,"po');
    const handle = await broker.ensure();
    expect(handle.started).toBe(true);
    const again = await amqp.connect(handle.url);
    expect(await (await again.createChannel()).checkQueue('kept too')).toMatchObject({ messageCount: 1 });
    await again.close();
  });

  test('a port that another program took meanwhile is changed', async ({ broker }) => {
    const first = broker.handle;
    await stopBroker(broker.dir);
    const thief = net.createServer();
    await new Promise<void>((resolve) => thief.listen(first.port, '127.0.0.1', resolve));
    try {
      const second = await broker.ensure();
      expect(second.port).not.toBe(first.port);
      const model = await amqp.connect(second.url);
      await model.close();
    } finally {
      thief.close();
    }
  });
});

describe('stopping', () => {
  test('a broker with a living user is left alone when only an unused one was to be stopped', async ({ broker }) => {
    const me = identityOf(process.pid);
    if (me === null) throw new Error('this process has no identity');
    await joinBroker(broker.dir, { project: 'a', ...me });
    expect(await stopBroker(broker.dir, { ifUnused: true })).toBe(false);
    expect(await brokerStatus(broker.dir)).toMatchObject({ state: 'running', users: [{ project: 'a' }] });
    await leaveBroker(broker.dir, 'a');
  });

  test('the last user is told so, and a dead user is none', async () => {
    await using directory = await brokerDirectory();
    const me = identityOf(process.pid);
    if (me === null) throw new Error('this process has no identity');
    await joinBroker(directory.dir, { project: 'a', ...me });
    await joinBroker(directory.dir, { project: 'b', ...me });
    await joinBroker(directory.dir, { project: 'ghost', ...me, startTime: '1' });
    expect(await leaveBroker(directory.dir, 'a')).toEqual({ last: false });
    expect(await leaveBroker(directory.dir, 'b')).toEqual({ last: true });
    expect(await leaveBroker(directory.dir, 'b')).toEqual({ last: true });
  });

  test('nothing is left but the data', async ({ broker }) => {
    const identities = processesOf(broker.dir);
    expect(identities.length).toBeGreaterThanOrEqual(2);
    expect(await stopBroker(broker.dir)).toBe(true);
    expect(identities.filter((one) => isAlive(one))).toEqual([]);
    expect(processesOf(broker.dir)).toEqual([]);
    expect(await brokerStatus(broker.dir)).toEqual({ state: 'stopped', users: [] });
    expect(await stopBroker(broker.dir)).toBe(false);
    expect(await readdir(broker.dir)).toContain('mnesia');
  });

  test('a supervisor that was killed is left for by its project, and by no other; the last one ends the broker', async ({
    broker,
  }) => {
    await ensureBroker({ dir: broker.dir });
    const me = identityOf(process.pid);
    if (me === null) throw new Error('this process has no identity');
    await joinBroker(broker.dir, { project: 'living', ...me });
    await joinBroker(broker.dir, { project: 'killed', ...me, startTime: '1' });
    expect(await leaveForDead(broker.dir, 'living')).toBe(false);
    expect(await leaveForDead(broker.dir, 'killed')).toBe(false);
    expect(await brokerStatus(broker.dir)).toMatchObject({ state: 'running', users: [{ project: 'living' }] });
    await leaveBroker(broker.dir, 'living');
    // Its last user has left: what runs now a person started.
    expect(await leaveForDead(broker.dir, 'killed')).toBe(false);
    await joinBroker(broker.dir, { project: 'killed', ...me, startTime: '1' });
    expect(await leaveForDead(broker.dir, 'killed')).toBe(true);
    expect(processesOf(broker.dir)).toEqual([]);
  });
});
