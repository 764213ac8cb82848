import net from 'node:net';
import { describe, expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { connect, text } from './lines.ts';

describe('losing the broker', () => {
  test('consumers go on after kill -9 and a restart, and every confirmed message is handled', async ({ broker }) => {
    const { connection, queue, states } = await connect(broker.url);
    await using _ = connection;
    await broker.settle();
    connection.setUrl(broker.url);
    await connection.whenConnected(20_000);
    const got = new Set<string>();
    const confirmed = new Set<string>();
    connection.consume(
      queue,
      async ({ content }) => {
        got.add(String(content));
        return 'ack';
      },
      { prefetch: 4 },
    );
    let publishing = true;
    const publisher = (async () => {
      for (let n = 0; publishing; n++) {
        try {
          await connection.publish('', queue, text(String(n)));
          confirmed.add(String(n));
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^amqp-/) });
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    })();
    await expect.poll(() => got.size).toBeGreaterThan(50);
    broker.kill();
    await expect.poll(() => connection.state.status).toBe('connecting');
    const { url } = await broker.ensure();
    connection.setUrl(url);
    await connection.whenConnected(20_000);
    const before = confirmed.size;
    await expect.poll(() => confirmed.size).toBeGreaterThan(before + 50);
    publishing = false;
    await publisher;
    await expect.poll(() => [...confirmed].filter((n) => !got.has(n))).toEqual([]);
    expect(states.filter(({ status }) => status === 'connected').length).toBeGreaterThanOrEqual(2);
  });

  test('what was on its way when the node died is rejected as unconfirmed, and nothing ends the process', async ({
    broker,
  }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    process.kill(broker.handle.pid, 'SIGSTOP');
    const sent = connection.publish('', queue, text('lost?'));
    const asked = connection.request(queue, text('?'), { timeoutMs: 20_000 });
    const outcome = Promise.allSettled([sent, asked]);
    broker.kill();
    for (const result of await outcome) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'amqp-unconfirmed', retrySafe: false } });
    }
    await broker.ensure();
    connection.setUrl(broker.url);
    await connection.whenConnected(20_000);
  });

  test('an acknowledgement never goes to another channel than the one that delivered', async ({ broker }) => {
    const { connection, queue } = await connect(broker.url);
    await using _ = connection;
    const reconnect = async (): Promise<void> => {
      connection.setUrl(null);
      await expect.poll(() => connection.state.status).toBe('none');
      connection.setUrl(broker.url);
      await connection.whenConnected(10_000);
    };
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const settled: number[] = [];
    let seen = 0;
    connection.consume(queue, async () => {
      const turn = seen++;
      await gates[turn]?.promise;
      settled.push(turn);
      return 'ack';
    });
    await connection.publish('', queue, text('once'));
    await expect.poll(() => seen).toBe(1);
    await reconnect();
    await expect.poll(() => seen).toBe(2);
    // The first handler ends while the second one, on the new channel, has the message in hand under the same tag.
    gates[0]?.resolve();
    await expect.poll(() => settled).toEqual([0]);
    await connection.publish('', `${queue}.dead`, text('so that an acknowledgement would have been seen by now'));
    await reconnect();
    await expect.poll(() => settled).toEqual([0, 2]);
    await expect.poll(() => connection.queueInfo(queue)).toEqual({ messages: 0, consumers: 1 });
    gates[1]?.resolve();
  });

  test('a peer that takes connections and says nothing neither blocks a change of address nor the close', async ({
    broker,
  }) => {
    const sockets: net.Socket[] = [];
    const mute = net.createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const lines = await connect(null);
    await using _ = lines.connection;
    lines.connection.setUrl(`amqp://x:y@127.0.0.1:${address.port}/`);
    await expect.poll(() => sockets.length).toBe(1);
    lines.connection.setUrl(broker.url);
    await lines.connection.whenConnected(2_000);
    const stuck = await connect(null);
    stuck.connection.setUrl(`amqp://x:y@127.0.0.1:${address.port}/`);
    await expect.poll(() => sockets.length).toBe(2);
    await stuck.connection.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  test('a wrong password is shown as the reason, and the right address cures it', async ({ broker }) => {
    const wrong = new URL(broker.url);
    wrong.password = 'wrong';
    const lines = await connect(null);
    await using _ = lines.connection;
    lines.connection.setUrl(wrong.href);
    await expect
      .poll(() => lines.connection.state)
      .toMatchObject({ status: 'connecting', error: expect.stringMatching(/ACCESS.REFUSED/) });
    lines.connection.setUrl(broker.url);
    await lines.connection.whenConnected(10_000);
  });
});
