import { describe, expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { connect, text } from './lines.ts';

describe('publishing', () => {
  test('resolves with the confirm of the broker', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    await connection.publish('', queue, text('a'));
    expect(await connection.queueInfo(queue)).toEqual({ messages: 1, consumers: 0 });
  });

  test('what no queue takes is rejected as unroutable, and its neighbours are not', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    const results = await Promise.allSettled([
      connection.publish('', queue, text('1'), { messageId: 'same' }),
      connection.publish('', `${queue}.absent`, text('2'), { messageId: 'same' }),
      connection.publish('', queue, text('3'), { messageId: 'same' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'unroutable', retrySafe: true } });
    await connection.publish('', `${queue}.absent`, text('4'), { mandatory: false });
  });

  test('an exchange that is missing costs that message alone: the connection and its consumers live on', async ({
    broker,
  }) => {
    const { connection, queue, states } = await connect(broker.url);
    await using _ = connection;
    const got: string[] = [];
    connection.consume(queue, async (delivery) => {
      got.push(String(delivery.content));
      return 'ack';
    });
    await expect(connection.publish(`${queue}.nowhere`, '', text('x'))).rejects.toMatchObject({
      code: 'amqp-unconfirmed',
      message: expect.stringContaining('NOT_FOUND'),
    });
    await connection.publish('', queue, text('after'));
    await expect.poll(() => got).toEqual(['after']);
    expect(states.filter(({ status }) => status === 'connected')).toHaveLength(1);
  });

  test('while there is no broker it rejects at once, safe to try again', async ({ broker }) => {
    const { connection, queue } = await connect(null);
    await using _ = connection;
    await expect(connection.publish('', queue, text('x'))).rejects.toMatchObject({
      code: 'amqp-not-connected',
      retrySafe: true,
    });
    await expect(connection.queueInfo(queue)).rejects.toMatchObject({ code: 'amqp-not-connected' });
    await expect(connection.whenConnected(20)).rejects.toMatchObject({ code: 'amqp-not-connected' });
    connection.setUrl(broker.url);
    await connection.whenConnected(10_000);
    await connection.publish('', queue, text('x'));
  });

  test('headers that no frame can hold are refused, and the next message goes out', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    await expect(
      connection.publish('', queue, text('x'), { headers: { big: 'x'.repeat(100_000) } }),
    ).rejects.toMatchObject({
      code: 'amqp-refused',
    });
    await connection.publish('', queue, text('y'));
    expect(await connection.queueInfo(queue)).toMatchObject({ messages: 1 });
  });
});

describe('consuming', () => {
  test('no more deliveries are in hand than the prefetch allows', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    let inHand = 0;
    let most = 0;
    let done = 0;
    connection.consume(
      queue,
      async () => {
        most = Math.max(most, ++inHand);
        await new Promise((resolve) => setImmediate(resolve));
        inHand--;
        done++;
        return 'ack';
      },
      { prefetch: 3 },
    );
    await Promise.all(Array.from({ length: 50 }, (_unused, n) => connection.publish('', queue, text(String(n)))));
    await expect.poll(() => done).toBe(50);
    expect(most).toBeLessThanOrEqual(3);
    await expect.poll(() => connection.queueInfo(queue)).toEqual({ messages: 0, consumers: 1 });
  });

  test('what is consumed without acknowledgement is gone from the queue, whatever becomes of it', async ({
    broker,
  }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    const taken: string[] = [];
    connection.consume(
      queue,
      async ({ content, redelivered }) => {
        taken.push(`${String(content)} ${redelivered}`);
        if (taken.length === 1) throw new Error('not this time');
        return taken.length === 2 ? 'requeue' : 'ack';
      },
      { noAck: true },
    );
    for (const word of ['a', 'b', 'c']) await connection.publish('', queue, text(word));
    await expect.poll(() => taken).toEqual(['a false', 'b false', 'c false']);
    expect(await connection.queueInfo(queue)).toEqual({ messages: 0, consumers: 1 });
  });

  test('a requeued message comes again, and a handler that throws twice puts it among the dead letters', async ({
    broker,
  }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    const seen: string[] = [];
    connection.consume(queue, async ({ content, redelivered }) => {
      seen.push(`${String(content)}${redelivered ? ' again' : ''}`);
      if (String(content) === 'bad') throw new Error('no way');
      return redelivered ? 'ack' : 'requeue';
    });
    await connection.publish('', queue, text('good'));
    await expect.poll(() => seen).toEqual(['good', 'good again']);
    await connection.publish('', queue, text('bad'));
    await expect.poll(() => connection.queueInfo(`${queue}.dead`)).toMatchObject({ messages: 1 });
    expect(seen).toEqual(['good', 'good again', 'bad', 'bad again']);
    let reason: unknown;
    connection.consume(`${queue}.dead`, async ({ headers }) => {
      reason = headers['x-swarm-reason'];
      return 'ack';
    });
    await expect.poll(() => reason).toBe('handler failed: no way');
  });

  test('a queue that is deleted under its consumer is declared again and consumed again', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    const got: string[] = [];
    connection.consume(queue, async ({ content }) => {
      got.push(String(content));
      return 'ack';
    });
    await expect.poll(() => connection.queueInfo(queue)).toMatchObject({ consumers: 1 });
    await connection.withChannel((channel) => channel.deleteQueue(queue));
    await expect.poll(() => connection.queueInfo(queue)).toMatchObject({ consumers: 1 });
    await connection.publish('', queue, text('after'));
    await expect.poll(() => got).toEqual(['after']);
  });

  test('an exclusive consumer waits for the one before it and takes over', async ({ broker }) => {
    const first = await connect(broker.url);
    const second = await connect(broker.url, { queue: first.queue });
    await using _ = second.connection;
    first.connection.consume(first.queue, async () => 'ack', { exclusive: true });
    await expect.poll(() => first.connection.queueInfo(first.queue)).toMatchObject({ consumers: 1 });
    const got: string[] = [];
    second.connection.consume(
      first.queue,
      async ({ content }) => {
        got.push(String(content));
        return 'ack';
      },
      { exclusive: true },
    );
    await first.connection.close();
    await second.connection.publish('', first.queue, text('mine'));
    await expect.poll(() => got).toEqual(['mine']);
  });

  test('close lets the handler in hand end and acknowledges its delivery; the next one stays in the queue', async ({
    broker,
  }) => {
    const { connection, queue } = await connect(broker.url);
    const watcher = await connect(broker.url, { queue });
    await using _ = watcher.connection;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let began = 0;
    connection.consume(queue, async () => {
      began++;
      await gate;
      await connection.publish('', `${queue}.dead`, text('result of the handler'));
      return 'ack';
    });
    await connection.publish('', queue, text('1'));
    await connection.publish('', queue, text('2'));
    await expect.poll(() => began).toBe(1);
    const closing = connection.close();
    open();
    await closing;
    expect(began).toBe(1);
    expect(connection.state).toEqual({ status: 'closed' });
    await expect.poll(() => watcher.connection.queueInfo(queue)).toEqual({ messages: 1, consumers: 0 });
    expect(await watcher.connection.queueInfo(`${queue}.dead`)).toMatchObject({ messages: 1 });
    await expect(connection.publish('', queue, text('x'))).rejects.toMatchObject({ code: 'amqp-not-connected' });
  });
});

describe('request and reply', () => {
  test('each answer finds its question', async ({ broker }) => {
    const server = await connect(broker.url);
    await using _server = server.connection;
    const client = await connect(broker.url, { queue: server.queue });
    await using _client = client.connection;
    server.connection.consume(
      server.queue,
      async (delivery) => {
        await server.connection.reply(delivery, text(`${String(delivery.content)}!`));
        return 'ack';
      },
      { prefetch: 8 },
    );
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_unused, n) =>
        client.connection.request(server.queue, text(String(n)), { timeoutMs: 5_000 }),
      ),
    );
    expect(answers.map(String)).toEqual(Array.from({ length: 40 }, (_unused, n) => `${n}!`));
  });

  test('no answer in time is said so, and the question is gone from the queue', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    await expect(connection.request(queue, text('?'), { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'amqp-timeout',
      exitCode: 3,
    });
    await expect.poll(() => connection.queueInfo(queue)).toMatchObject({ messages: 0 });
    await expect(connection.request(`${queue}.absent`, text('?'), { timeoutMs: 5_000 })).rejects.toMatchObject({
      code: 'unroutable',
    });
  });

  test('an answer to a client that has gone is no error', async ({ broker }) => {
    const server = await connect(broker.url);
    await using _ = server.connection;
    const client = await connect(broker.url, { queue: server.queue });
    const asked = client.connection.request(server.queue, text('?'), { timeoutMs: 5_000 });
    const gone = expect(asked).rejects.toMatchObject({ code: 'amqp-unconfirmed' });
    await expect.poll(() => server.connection.queueInfo(server.queue)).toMatchObject({ messages: 1 });
    await client.connection.close();
    await gone;
    let answered = 0;
    server.connection.consume(server.queue, async (delivery) => {
      await server.connection.reply(delivery, text('late'));
      answered++;
      return 'ack';
    });
    await server.connection.publish('', server.queue, text('!'), { replyTo: 'amq.rabbitmq.reply-to.gone' });
    await expect.poll(() => answered).toBeGreaterThanOrEqual(1);
    expect(server.connection.state).toMatchObject({ status: 'connected' });
  });
});
