import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { AmqpConnection } from '../../../src/amqp/index.ts';
import { Bus } from '../../../src/coordination/bus.ts';
import type { ClaimReply } from '../../../src/coordination/messages.ts';
import { amqpNames } from '../../../src/coordination/names.ts';
import type { AmqpNames } from '../../../src/coordination/names.ts';
import { declareTopology, deleteTopology } from '../../../src/coordination/topology.ts';
import { brokerTest as test } from '../../support/broker.ts';

const scope = { agents: ['worker-1'], capabilities: ['gpu', '@worker-1'] };

interface Project extends AsyncDisposable {
  names: AmqpNames;
  connection: AmqpConnection;
  bus: Bus;
}

async function project(url: string, from = 'supervisor', id = randomUUID().slice(0, 8)): Promise<Project> {
  const names = amqpNames(id);
  const connection = AmqpConnection.open({
    url,
    name: from,
    deadExchange: names.deadExchange,
    setup: (channel) => declareTopology(channel, names, scope),
  });
  await connection.whenConnected(10_000);
  return {
    names,
    connection,
    bus: new Bus({ connection, names, from }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

const claim = { agent: 'worker-1', kind: 'claude' as const, capabilities: [], slot: 0, incarnation: 'i-1' };

test('a malformed body goes to the dead letters with the reason, and the next good message is handled', async ({
  broker,
}) => {
  await using p = await project(broker.url);
  const titles: string[] = [];
  p.bus.consume(p.names.submit, 'task.submit', async (message) => {
    titles.push(message.payload.title);
    return 'ack';
  });
  const bad = [
    'not json',
    JSON.stringify({ v: 2, id: 'a', type: 'task.submit', from: 'ci', at: '', payload: { title: 'of the future' } }),
    JSON.stringify({ v: 1, id: 'b', type: 'task.ticket', from: 'ci', at: '', payload: { capability: null } }),
    JSON.stringify({ v: 1, id: 'c', type: 'task.submit', from: 'ci', at: '', payload: { title: '' } }),
  ];
  for (const body of bad)
    await p.connection.publish('', p.names.submit, Buffer.from(body), { messageId: randomUUID() });
  await p.bus.publish('task.submit', { title: 'good' }, { queue: p.names.submit });
  await expect.poll(() => titles).toEqual(['good']);

  const dead: { reason: unknown; queue: unknown; body: string }[] = [];
  p.connection.consume(p.names.dead, async ({ headers, content }) => {
    dead.push({ reason: headers['x-swarm-reason'], queue: headers['x-swarm-queue'], body: String(content) });
    return 'ack';
  });
  await expect.poll(() => dead.length).toBe(4);
  expect(dead.map(({ body }) => body)).toEqual(bad);
  expect(dead.every(({ queue }) => queue === p.names.submit)).toBe(true);
  expect(dead[0]?.reason).toMatch(/not JSON/);
  expect(dead[2]?.reason).toMatch(/"task.ticket" where "task.submit"/);
  expect(dead[3]?.reason).toMatch(/title/);
});

test('id, type and time travel as AMQP properties, too', async ({ broker }) => {
  await using p = await project(broker.url);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  p.bus.consume(p.names.inbox('worker-1'), 'agent.status', async (message, delivery) => {
    resolve({
      same: message.id === delivery.messageId,
      type: delivery.type,
      to: message.to,
      from: message.from,
      id: message.id,
    });
    return 'ack';
  });
  await p.bus.publish('agent.status', { a: 1 }, { queue: p.names.inbox('worker-1') }, { id: 'id-1', to: 'worker-1' });
  expect(await promise).toEqual({ same: true, type: 'agent.status', to: 'worker-1', from: 'supervisor', id: 'id-1' });
});

test('a claim is answered by request and reply; a bad claim does not stop the next', async ({ broker }) => {
  await using supervisor = await project(broker.url, 'supervisor', 'claims');
  await using worker = await project(broker.url, 'worker-1', 'claims');
  const seen: string[] = [];
  supervisor.bus.serveClaims((asked): ClaimReply => {
    seen.push(asked.incarnation);
    return { got: 'none', reason: `nothing for ${asked.agent}` };
  });
  await worker.connection.publish('', worker.names.claims, Buffer.from('{}'));
  expect(await worker.bus.claim(claim, 5_000)).toEqual({ got: 'none', reason: 'nothing for worker-1' });
  expect(seen).toEqual(['i-1']);
  await expect.poll(() => supervisor.connection.queueInfo(supervisor.names.dead)).toMatchObject({ messages: 1 });
});

test('a ticket reaches one consumer with the capability, or any; one without a queue is refused', async ({
  broker,
}) => {
  await using p = await project(broker.url);
  await p.bus.publishTicket(null);
  await p.bus.publishTicket('gpu');
  await p.bus.publishTicket('@worker-1');
  for (const queue of [p.names.tickets, p.names.ticketsFor('gpu'), p.names.ticketsFor('@worker-1')]) {
    expect(await p.connection.queueInfo(queue), queue).toMatchObject({ messages: 1 });
  }
  await expect(p.bus.publishTicket('quantum')).rejects.toMatchObject({ code: 'unroutable' });
});

test('heartbeats reach the supervisor; status and alerts need no listener; nonsense is not sent', async ({
  broker,
}) => {
  await using p = await project(broker.url, 'worker-1');
  await p.bus.status('task.done', { task: 't1' });
  await p.bus.alert({ severity: 'warning', key: 'k', text: 't', agent: null });
  const beats: string[] = [];
  p.bus.consume(p.names.heartbeats, 'agent.heartbeat', async (message) => {
    beats.push(message.from);
    return 'ack';
  });
  await p.bus.heartbeat({ agent: 'worker-1', incarnation: 'i-1', attempts: [] });
  await expect.poll(() => beats).toEqual(['worker-1']);
  await expect(p.bus.publish('task.submit', { title: '' }, { queue: p.names.submit })).rejects.toMatchObject({
    code: 'bad-message',
  });
});

test('a restarted broker is noticed once', async ({ broker }) => {
  await using p = await project(broker.url);
  expect(await p.bus.brokerIsNew()).toBe(true);
  expect(await p.bus.brokerIsNew()).toBe(false);
  broker.kill();
  await expect.poll(() => p.connection.state.status).toBe('connecting');
  await broker.ensure();
  p.connection.setUrl(broker.url);
  await p.connection.whenConnected(20_000);
  expect(await p.bus.brokerIsNew()).toBe(true);
  expect(await p.bus.brokerIsNew()).toBe(false);
  await p.bus.publishTicket(null);
});

test('a deleted project leaves nothing, and deleting it twice is no error; reserved names are refused', async ({
  broker,
}) => {
  await using p = await project(broker.url);
  const other = await project(broker.url);
  await using _ = other;
  await p.connection.withChannel((channel) => deleteTopology(channel, p.names, scope));
  await p.connection.withChannel((channel) => deleteTopology(channel, p.names, scope));
  const queues = [
    p.names.tickets,
    p.names.submit,
    p.names.claims,
    p.names.results,
    p.names.dead,
    p.names.deadNews,
    p.names.heartbeats,
    p.names.identity,
  ];
  for (const queue of [...queues, p.names.inbox('worker-1'), p.names.ticketsFor('gpu')]) {
    expect(await p.connection.queueInfo(queue), queue).toBeNull();
  }
  expect(await other.connection.queueInfo(other.names.tickets)).not.toBeNull();
  const reserved = p.connection.withChannel((channel) =>
    declareTopology(channel, p.names, { agents: [], capabilities: ['dead'] }),
  );
  await expect(reserved).rejects.toMatchObject({ code: 'reserved-capability', exitCode: 2 });
});
