import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import amqp from 'amqplib';
import { expect } from 'vitest';
import { AmqpConnection, type Delivery } from '../../../src/amqp/index.ts';
import { Bus } from '../../../src/coordination/bus.ts';
import { copyAllMessages } from '../../../src/coordination/copies.ts';
import type { Payload, TaskResult } from '../../../src/coordination/messages.ts';
import { amqpNames, type AmqpNames } from '../../../src/coordination/names.ts';
import { declareTopology } from '../../../src/coordination/topology.ts';
import { SwarmError } from '../../../src/domain/errors.ts';
import { SupervisorQueue, type QueueDeps, type QueueHandlers } from '../../../src/supervisor/broker/queue.ts';
import { brokerTest as test } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { silentLog } from '../../unit/supervisor/kit.ts';

const scope = { agents: ['worker-1'], capabilities: ['@worker-1', 'shell'] };
const diskFull = new SwarmError('disk-full', 'The disk is full; nothing was written.', { retrySafe: true });

interface Scene extends AsyncDisposable {
  queue: SupervisorQueue;
  names: AmqpNames;
  /** The side of a wrapper, or of another program, on the broker. */
  other: AmqpConnection;
  bus: Bus;
  claims: Payload<'task.claim'>[];
  results: TaskResult[];
  submitted: { title: string; messageId: string }[];
  dead(): Promise<{ reason: string; body: string }[]>;
}

interface SceneOptions {
  project?: string;
  copies?: QueueDeps['copies'];
}

async function scene(
  url: string,
  more: Partial<QueueHandlers> = {},
  { project = randomUUID().slice(0, 8), copies = null }: SceneOptions = {},
): Promise<Scene> {
  const claims: Scene['claims'] = [];
  const results: TaskResult[] = [];
  const submitted: Scene['submitted'] = [];
  const queue = new SupervisorQueue({
    project,
    log: silentLog,
    copies,
    agents: () => scope.agents,
    capabilities: () => ['gpu'],
    onState: () => undefined,
  });
  queue.serve({
    claim: async (claim) => {
      claims.push(claim);
      return { got: 'none', reason: 'no task is ready' };
    },
    result: async (result) => void results.push(result),
    heartbeat: async () => undefined,
    submit: async (task, messageId) => void submitted.push({ title: task.title, messageId }),
    ...more,
  });
  const names = amqpNames(project);
  queue.setUrl(url);
  const other = AmqpConnection.open({
    url,
    name: 'worker-1',
    deadExchange: names.deadExchange,
    setup: (channel) => declareTopology(channel, names, scope),
  });
  await other.whenConnected(10_000);
  await eventually(() => queue.connected).toBe(true);
  return {
    queue,
    names,
    other,
    bus: new Bus({ connection: other, names, from: 'worker-1' }),
    claims,
    results,
    submitted,
    async dead() {
      const found: Delivery[] = [];
      const reading = other.consume(names.dead, async (delivery) => {
        found.push(delivery);
        return 'ack';
      });
      await eventually(async () => (await other.queueInfo(names.dead))?.messages).toBe(0);
      await reading.cancel();
      return found.map(({ headers, content }) => ({
        reason: String(headers['x-swarm-reason']),
        body: String(content),
      }));
    },
    async [Symbol.asyncDispose]() {
      await other.close();
      if (queue.connected) await queue.removeEmpty({ keepsSubmit: false });
      await queue.close();
    },
  };
}

function result(fields: Partial<TaskResult> = {}): TaskResult {
  return {
    task: 't1',
    attempt: 1,
    agent: 'worker-1',
    outcome: 'done',
    errorClass: null,
    error: null,
    summary: 'did it',
    notes: [],
    commit: 'c0ffee',
    branch: 'swarm/task/t1',
    sessionId: null,
    usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
    startedAt: '2030-01-01T00:00:00.000Z',
    endedAt: '2030-01-01T00:00:01.000Z',
    ...fields,
  };
}

const claim = { agent: 'worker-1', kind: 'claude' as const, capabilities: [], slot: 0, incarnation: 'i-1' };

test('results that came while no supervisor listened are heard before a claim is answered', async ({ broker }) => {
  let before = -1;
  await using w: Scene = await scene(broker.url, {
    claim: async () => {
      before = w.results.length;
      return { got: 'none', reason: 'no task is ready' };
    },
  });
  w.queue.setUrl(null);
  await eventually(() => w.queue.connected).toBe(false);
  const tasks = Array.from({ length: 100 }, (_, n) => `t${n + 1}`);
  await Promise.all(tasks.map((task) => w.bus.publish('task.result', result({ task }), { queue: w.names.results })));
  const claimed = w.bus.claim(claim, 10_000);
  await eventually(async () => (await w.other.queueInfo(w.names.claims))?.messages).toBe(1);
  w.queue.setUrl(broker.url);
  await claimed;
  expect(before).toBe(100);
});

test('the messages of an incarnation are heard before its first claim is answered, even after claims of others', async ({
  broker,
}) => {
  const slow = Promise.withResolvers<void>();
  const heard: string[] = [];
  await using w = await scene(broker.url, {
    result: async ({ task }) => {
      heard.push(task);
      await slow.promise;
    },
    claim: async ({ incarnation }) => {
      heard.push(incarnation);
      return { got: 'none', reason: 'no task is ready' };
    },
  });
  await w.bus.claim(claim, 5_000);
  // More than the supervisor takes in hand at once.
  const tasks = Array.from({ length: 80 }, (_, n) => `t${n + 1}`);
  for (const task of tasks) await w.bus.publish('task.result', result({ task }), { queue: w.names.results });
  await w.bus.claim(claim, 5_000);
  const claimed = w.bus.claim({ ...claim, incarnation: 'i-2' }, 5_000);
  slow.resolve();
  await claimed;
  expect(heard.filter((one) => one.startsWith('i-'))).toEqual(['i-1', 'i-1', 'i-2']);
  expect(heard.at(-1)).toBe('i-2');
  expect(heard).toHaveLength(83);
});

test('a claim is answered, a result and a submission are taken in', async ({ broker }) => {
  await using w = await scene(broker.url);
  await expect(w.bus.claim(claim, 5_000)).resolves.toEqual({ got: 'none', reason: 'no task is ready' });
  expect(w.claims).toEqual([claim]);
  await w.bus.publish('task.result', result(), { queue: w.names.results });
  await w.bus.publish('task.submit', { title: 'from the outside' }, { queue: w.names.submit }, { id: 'message-1' });
  await eventually(() => w.results).toEqual([result()]);
  await eventually(() => w.submitted).toEqual([{ title: 'from the outside', messageId: 'message-1' }]);
});

test('results that the store cannot take now wait until it can, and none of them is called dead', async ({
  broker,
}) => {
  const stored: string[] = [];
  let refusals = 0;
  await using w = await scene(broker.url, {
    result: async ({ task }) => {
      // Twice and more: the second failure of a message would be its last where it is handled as a mistake.
      if (refusals < 6) {
        refusals += 1;
        throw diskFull;
      }
      stored.push(task);
    },
  });
  for (const task of ['t1', 't2']) await w.bus.publish('task.result', result({ task }), { queue: w.names.results });
  await expect.poll(() => stored.toSorted()).toEqual(['t1', 't2']);
  expect(refusals).toBe(6);
  expect(await w.dead()).toEqual([]);
});

test('a submission waits while the disk is full, and is dead with the reason when it cannot ever be taken', async ({
  broker,
}) => {
  let full = true;
  const taken: string[] = [];
  await using w = await scene(broker.url, {
    submit: async ({ title, after }) => {
      if (after.length > 0)
        throw new SwarmError('unknown-task', 'there is no task t99', { exitCode: 2, hint: 'The newest is t4.' });
      if (full) throw diskFull;
      taken.push(title);
    },
  });
  await w.bus.publish('task.submit', { title: 'good' }, { queue: w.names.submit });
  await w.bus.publish('task.submit', { title: 'lost', after: ['t99'] }, { queue: w.names.submit });
  await w.other.publish('', w.names.submit, Buffer.from('{"v":1}'), { messageId: 'x' });
  await eventually(async () => (await w.other.queueInfo(w.names.dead))?.messages).toBe(2);
  full = false;
  await eventually(() => taken).toEqual(['good']);
  const dead = await w.dead();
  expect(dead.map(({ reason }) => reason).join('\n')).toContain('there is no task t99 The newest is t4.');
  expect(dead.some(({ body }) => body === '{"v":1}')).toBe(true);
});

test('a heartbeat that cannot be stored is forgotten, not kept among the dead letters', async ({ broker }) => {
  let beats = 0;
  await using w = await scene(broker.url, {
    heartbeat: async () => {
      beats += 1;
      throw diskFull;
    },
  });
  for (let i = 0; i < 3; i += 1) await w.bus.heartbeat({ agent: 'worker-1', incarnation: 'i-1', attempts: [] });
  await eventually(() => beats).toBe(3);
  expect(await w.dead()).toEqual([]);
});

test('the end of a project leaves no queue and no exchange of it, except with messages that may still be wanted', async ({
  broker,
}) => {
  await using w = await scene(broker.url);
  await w.other.publish('', w.names.inbox('worker-1'), Buffer.from('a message that was never read'));
  const { names, queue } = w;
  const wanted = [names.submit, names.dead];
  const all = [...wanted, names.deadNews, names.tickets, names.claims, names.results, names.heartbeats, names.identity];
  const personal = ['@worker-1', 'shell', 'gpu'].map((name) => names.ticketsFor(name));
  const left = async (): Promise<string[]> => {
    const infos = await Promise.all(
      [...all, ...personal, names.inbox('worker-1')].map(
        async (name) => [name, await w.other.queueInfo(name)] as const,
      ),
    );
    return infos.filter(([, info]) => info !== null).map(([name]) => name);
  };
  expect(await left()).toHaveLength(12);
  await queue.removeEmpty({ keepsSubmit: true });
  expect(await left()).toEqual([...wanted, names.inbox('worker-1')]);
  await queue.removeEmpty({ keepsSubmit: false });
  expect(await left()).toEqual([names.inbox('worker-1')]);
  expect(await exchanges(broker.url, names)).toEqual([names.deadExchange]);
  await w.other.withChannel((channel) => channel.purgeQueue(names.inbox('worker-1')));
  await queue.removeEmpty({ keepsSubmit: false });
  expect(await left()).toEqual([]);
  expect(await exchanges(broker.url, names)).toEqual([]);
});

test('depths tell what waits, and nothing while there is no broker', async ({ broker }) => {
  await using w = await scene(broker.url);
  await w.bus.publishTicket(null);
  await eventually(() => w.queue.depths()).toContainEqual({ name: w.names.tickets, messages: 1, consumers: 0 });
  expect((await w.queue.depths()).find(({ name }) => name === w.names.claims)?.consumers).toBe(1);
  // A queue that a person deleted hides only itself.
  await w.other.withChannel((channel) => channel.deleteQueue(w.names.dead));
  const rest = [w.names.submit, w.names.tickets, w.names.claims, w.names.results];
  expect((await w.queue.depths()).map(({ name }) => name)).toEqual(rest);
  await w.queue.removeEmpty({ keepsSubmit: true });
  w.queue.setUrl(null);
  await eventually(() => w.queue.connected).toBe(false);
  await expect(w.queue.depths()).resolves.toEqual([]);
});

test('a broker that hangs is not waited for', async ({ broker }) => {
  await using w = await scene(broker.url);
  process.kill(broker.handle.pid, 'SIGSTOP');
  try {
    let tookMs = 0;
    // A stop takes hold a moment after it is sent: the first question may still be answered.
    await eventually(async () => {
      const began = performance.now();
      const answer = await w.queue.depths().catch((error: SwarmError) => error.code);
      tookMs = performance.now() - began;
      return answer;
    }).toBe('broker-silent');
    expect(tookMs).toBeLessThan(20_000);
  } finally {
    process.kill(broker.handle.pid, 'SIGCONT');
  }
});

test('what only the broker holds is copied at its stop, a dead letter as it comes, and all of it comes back into a new one', async ({
  broker,
}) => {
  const copies = path.join(broker.dir, 'copies');
  const rescued = path.join(broker.dir, 'rescued');
  const project = randomUUID().slice(0, 8);
  const file = `${project}.jsonl`;
  {
    await using w = await scene(broker.url, {}, { project, copies: { copies, rescued } });
    await w.bus.publish('task.submit', { title: 'early' }, { queue: w.names.submit });
    await w.other.publish('', w.names.submit, Buffer.from('{"v":1}'), { messageId: 'x' });
    await eventually(() => existsSync(path.join(copies, file))).toBe(true);
    await eventually(() => w.submitted).toHaveLength(1);
    await w.queue.removeEmpty({ keepsSubmit: true });
    await w.queue.close();
    // Now no supervisor reads it.
    await w.bus.publish('task.submit', { title: 'late' }, { queue: w.names.submit }, { id: 'message-late' });
    expect(await copyAllMessages({ url: broker.url, copies }, [project, 'never-up'])).toBe(true);
    expect((await w.other.queueInfo(w.names.submit))?.messages).toBe(1);
    // Another broker would have none of them.
    for (const queue of [w.names.submit, w.names.dead])
      await w.other.withChannel((channel) => channel.purgeQueue(queue));
  }
  await mkdir(rescued);
  await rename(path.join(copies, file), path.join(rescued, file));
  await using w = await scene(broker.url, {}, { project, copies: { copies, rescued } });
  await w.queue.takeBack();
  await eventually(() => w.submitted).toEqual([{ title: 'late', messageId: 'message-late' }]);
  expect(await w.dead()).toMatchObject([{ body: '{"v":1}', reason: expect.stringContaining('type') as string }]);
  expect(await readdir(rescued)).toEqual([]);
});

async function exchanges(url: string, names: AmqpNames): Promise<string[]> {
  const connection = await amqp.connect(url);
  const found: string[] = [];
  for (const name of [names.ticketsExchange, names.brainstorm, names.status, names.alerts, names.deadExchange]) {
    const channel = await connection.createChannel();
    // The channel is closed by the answer "there is none", which also comes as an event.
    channel.on('error', () => undefined);
    await channel.checkExchange(name).then(
      async () => {
        found.push(name);
        await channel.close();
      },
      () => undefined,
    );
  }
  await connection.close();
  return found;
}
