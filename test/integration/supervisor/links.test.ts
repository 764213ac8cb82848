import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import {
  toWrapperSchema,
  type ToSupervisor,
  type ToWrapper,
  type WrapperSnapshot,
} from '../../../src/coordination/link.ts';
import { JsonLines } from '../../../src/lib/json-lines.ts';
import { LinkServer, type LinkHandlers } from '../../../src/supervisor/links/link-server.ts';
import { eventually } from '../../support/eventually.ts';
import { snapshot } from '../../unit/supervisor/kit.ts';

const EPOCH = 7;
type OrderMessage = Extract<ToWrapper, { type: 'order' }>;

/** A wrapper's end of the link. */
class Wrapper {
  readonly socket: net.Socket;
  readonly said: ToWrapper[] = [];
  closed = false;

  constructor(place: string) {
    const lines = new JsonLines();
    this.socket = net.connect(place);
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
    this.socket.on('data', (chunk) => {
      for (const line of lines.push(chunk)) if (line.ok) this.said.push(toWrapperSchema.parse(line.value));
    });
  }

  write(text: string): void {
    this.socket.write(text);
  }

  say(message: ToSupervisor): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  hello(fields: Partial<Extract<ToSupervisor, { type: 'hello' }>> & { agent?: string } = {}): void {
    const { agent = 'worker-1', ...more } = fields;
    this.say({ type: 'hello', protocol: 1, token: `token-of-${agent}`, snapshot: snapshot(agent), ...more });
  }

  get orders(): OrderMessage[] {
    return this.said.filter((message) => message.type === 'order');
  }
}

interface Scene {
  server: LinkServer;
  socket: string;
  log: string[];
  snapshots: WrapperSnapshot[];
  problems: string[];
  dial(): Wrapper;
  /** A wrapper that has said hello and was welcomed. */
  linked(agent?: string): Promise<Wrapper>;
}

const test = base.extend('scene', async ({}, { onCleanup }): Promise<Scene> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'swarm-link-'));
  const socket = path.join(directory, 'link.sock');
  const log: string[] = [];
  const snapshots: WrapperSnapshot[] = [];
  const problems: string[] = [];
  const wrappers: Wrapper[] = [];
  const handlers: LinkHandlers = {
    tokenOf: (agent) => (agent.startsWith('worker-') ? `token-of-${agent}` : null),
    welcome: () => ({ epoch: EPOCH, protocol: 1, amqpUrl: null, attempts: [{ task: 't1', attempt: 1 }] }),
    connected: (agent) => log.push(`connected ${agent}`),
    snapshot: (_agent, value) => snapshots.push(value),
    event: (agent, event) => log.push(`event ${agent} ${event.name} ${event.at}`),
    disconnected: (agent) => log.push(`disconnected ${agent}`),
    problem: (detail) => problems.push(detail),
  };
  const server = new LinkServer(EPOCH);
  server.serve(handlers);
  await server.listen(socket);
  onCleanup(async () => {
    await server.close();
    for (const wrapper of wrappers) wrapper.socket.destroy();
    await rm(directory, { recursive: true });
  });
  const dial = (): Wrapper => {
    const wrapper = new Wrapper(socket);
    wrappers.push(wrapper);
    return wrapper;
  };
  return {
    server,
    socket,
    log,
    snapshots,
    problems,
    dial,
    async linked(agent = 'worker-1') {
      const wrapper = dial();
      wrapper.hello({ agent });
      await eventually(() => wrapper.said[0]?.type).toBe('welcome');
      return wrapper;
    },
  };
});

test('a hello is welcomed with the epoch and the attempts that the store holds', async ({ scene }) => {
  expect((await stat(scene.socket)).mode & 0o777).toBe(0o600);
  const wrapper = await scene.linked();
  expect(wrapper.said).toEqual([
    { type: 'welcome', epoch: EPOCH, protocol: 1, amqpUrl: null, attempts: [{ task: 't1', attempt: 1 }] },
  ]);
  expect(scene.log).toEqual(['connected worker-1']);
  expect(scene.server.isConnected('worker-1')).toBe(true);
  wrapper.socket.end();
  await eventually(() => scene.log).toEqual(['connected worker-1', 'disconnected worker-1']);
  expect(scene.server.isConnected('worker-1')).toBe(false);
});

test('a wrapper with a wrong token, an unknown agent, another protocol or another first message is hung up on', async ({
  scene,
}) => {
  const refused = [scene.dial(), scene.dial(), scene.dial(), scene.dial()];
  refused[0]?.hello({ token: 'guessed' });
  refused[1]?.hello({ agent: 'stranger-1' });
  refused[2]?.hello({ protocol: 99 });
  refused[3]?.say({ type: 'snapshot', snapshot: snapshot() });
  await eventually(() => refused.map(({ closed }) => closed)).toEqual([true, true, true, true]);
  expect(refused.flatMap(({ said }) => said)).toEqual([]);
  expect(scene.log).toEqual([]);
});

test('a right hello behind a wrong one is not heard any more', async ({ scene }) => {
  const living = await scene.linked();
  const liar = scene.dial();
  const hello = (token: string): string =>
    `${JSON.stringify({ type: 'hello', protocol: 1, token, snapshot: snapshot() })}\n`;
  liar.write(hello('guessed') + hello('token-of-worker-1'));
  await eventually(() => liar.closed).toBe(true);
  expect(living.closed).toBe(false);
  expect(scene.log).toEqual(['connected worker-1']);
});

test('a newer link replaces an older one, and that the old one is closed is no loss', async ({ scene }) => {
  const older = await scene.linked();
  const pending = expect(scene.server.order('worker-1', { do: 'pause' }, 60_000)).rejects.toMatchObject({
    code: 'no-ack',
    exitCode: 3,
  });
  const newer = await scene.linked();
  await pending;
  await eventually(() => older.closed).toBe(true);
  expect(scene.log).toEqual(['connected worker-1', 'connected worker-1']);
  const resumed = scene.server.order('worker-1', { do: 'resume' }, 60_000);
  await eventually(() => newer.orders.length).toBe(1);
  newer.say({ type: 'ack', id: newer.orders[0]?.id ?? '', ok: true });
  await expect(resumed).resolves.toBeNull();
});

test('an order is acknowledged with its result, or refused with the reason of the wrapper', async ({ scene }) => {
  const wrapper = await scene.linked();
  const good = scene.server.order('worker-1', { do: 'checkpoint', reason: 'by hand' }, 60_000);
  const bad = scene.server.order('worker-1', { do: 'pause' }, 60_000);
  await eventually(() => wrapper.orders.length).toBe(2);
  const [first, second] = wrapper.orders;
  expect(first).toMatchObject({ epoch: EPOCH, order: { do: 'checkpoint', reason: 'by hand' } });
  // In whatever order they are done.
  wrapper.say({
    type: 'ack',
    id: second?.id ?? '',
    ok: false,
    error: { code: 'busy', message: 'a command runs', hint: 'Wait.' },
  });
  wrapper.say({ type: 'ack', id: first?.id ?? '', ok: true, result: { n: 4 } });
  await expect(good).resolves.toEqual({ n: 4 });
  await expect(bad).rejects.toMatchObject({ code: 'busy', message: 'a command runs', hint: 'Wait.' });
});

test('an order without a link was not sent; one that is not confirmed may have been done', async ({ scene }) => {
  await expect(scene.server.order('worker-2', { do: 'pause' }, 1_000)).rejects.toMatchObject({
    code: 'agent-away',
    retrySafe: true,
  });
  const wrapper = await scene.linked();
  await expect(scene.server.order('worker-1', { do: 'pause' }, 20)).rejects.toMatchObject({
    code: 'no-ack',
    exitCode: 3,
    retrySafe: false,
  });
  // An ack that comes too late, twice or for no order belongs to none.
  for (const id of [wrapper.orders[0]?.id ?? '', 'nothing']) wrapper.say({ type: 'ack', id, ok: true });
  const order = scene.server.order('worker-1', { do: 'resume' }, 60_000);
  await eventually(() => wrapper.orders.length).toBe(2);
  wrapper.socket.destroy();
  await expect(order).rejects.toMatchObject({
    code: 'no-ack',
    message: expect.stringContaining('went away') as string,
  });
});

test('lines that do not fit are told and skipped, wherever the stream is cut', async ({ scene }) => {
  const wrapper = await scene.linked();
  wrapper.write('no json\n{"type":"dance"}\n');
  const bytes = Buffer.from(
    `${JSON.stringify({ type: 'snapshot', snapshot: snapshot('worker-1', { branch: 'grüße' }) })}\n`,
  );
  const cut = bytes.indexOf(0xc3) + 1;
  wrapper.socket.write(bytes.subarray(0, cut));
  await eventually(() => scene.problems.length).toBe(2);
  wrapper.socket.write(bytes.subarray(cut));
  await eventually(() => scene.snapshots.map(({ branch }) => branch)).toEqual(['grüße']);
  wrapper.say({ type: 'event', name: 'turn.ended', at: '2030-01-01T00:00:00.000Z', task: null, data: {} });
  await eventually(() => scene.log).toContain('event worker-1 turn.ended 2030-01-01T00:00:00.000Z');
});

test('what is not UTF-8 is told, not guessed', async ({ scene }) => {
  const wrapper = await scene.linked();
  const line = JSON.stringify({ type: 'snapshot', snapshot: snapshot('worker-1', { branch: 'é' }) });
  wrapper.socket.write(Buffer.from(`${line}\n`, 'latin1'));
  await eventually(() => scene.problems).toEqual(['a line from a wrapper does not fit']);
  expect(scene.snapshots).toEqual([]);
  expect(wrapper.closed).toBe(false);
});

test('a link speaks for its own agent alone', async ({ scene }) => {
  const wrapper = await scene.linked();
  wrapper.say({ type: 'snapshot', snapshot: snapshot('worker-2') });
  await eventually(() => scene.problems.length).toBe(1);
  expect(scene.snapshots).toEqual([]);
  expect(wrapper.closed).toBe(false);
});

test('a line without an end is cut off at four megabytes', async ({ scene }) => {
  const wrapper = await scene.linked();
  wrapper.write(`${'x'.repeat(3 * 1024 * 1024)}\n`);
  await eventually(() => scene.problems.length).toBe(1);
  expect(wrapper.closed).toBe(false);
  wrapper.write('x'.repeat(5 * 1024 * 1024));
  await eventually(() => wrapper.closed).toBe(true);
  await eventually(() => scene.log).toEqual(['connected worker-1', 'disconnected worker-1']);
});

test('news go to all, and the last word is heard before the end', async ({ scene }) => {
  const [one, two] = [await scene.linked('worker-1'), await scene.linked('worker-2')];
  scene.server.broadcast({ type: 'broker', epoch: EPOCH, amqpUrl: 'amqp://x' });
  scene.server.broadcast({ type: 'bye', epoch: EPOCH });
  await scene.server.close();
  await eventually(() => [one.closed, two.closed]).toEqual([true, true]);
  for (const wrapper of [one, two]) expect(wrapper.said.map(({ type }) => type)).toEqual(['welcome', 'broker', 'bye']);
});

test('a wrapper that hangs does not hold up the end', async ({ scene }) => {
  const wrapper = await scene.linked();
  wrapper.socket.pause();
  // More than the kernel takes for it.
  for (let i = 0; i < 40; i += 1)
    scene.server
      .order('worker-1', { do: 'send', id: String(i), text: 'x'.repeat(100_000) }, 60_000)
      .catch(() => undefined);
  const began = performance.now();
  await scene.server.close();
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('where its socket was removed it listens again, and earlier links live on', async ({ scene }) => {
  const before = await scene.linked('worker-1');
  await rm(scene.socket);
  await scene.server.listen(scene.socket);
  await scene.linked('worker-2');
  expect([scene.server.isConnected('worker-1'), scene.server.isConnected('worker-2')]).toEqual([true, true]);
  before.socket.end();
  await eventually(() => scene.log).toContain('disconnected worker-1');
  expect(scene.problems).toEqual([]);
});

test('a second server takes over the name of a dead one', async ({ scene }) => {
  const other = net.createServer();
  const place = `${scene.socket}.2`;
  other.listen(place);
  await once(other, 'listening');
  const server = new LinkServer(1);
  server.serve({ ...({} as LinkHandlers), tokenOf: () => null, problem: () => undefined });
  await server.listen(place);
  const socket = net.connect(place);
  await once(socket, 'connect');
  socket.destroy();
  await server.close();
  other.close();
});
