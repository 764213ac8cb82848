import { randomUUID } from 'node:crypto';
import { AmqpConnection } from '../../../src/amqp/index.ts';
import type { AmqpState } from '../../../src/amqp/index.ts';

export interface Lines {
  connection: AmqpConnection;
  queue: string;
  states: AmqpState[];
  setups: number;
}

/** A connected client with one durable queue of its own, and an exchange for its dead letters. */
export async function connect(url: string | null, extra: { queue?: string } = {}): Promise<Lines> {
  const queue = extra.queue ?? `q-${randomUUID()}`;
  const lines: Lines = { connection: undefined as never, queue, states: [], setups: 0 };
  lines.connection = AmqpConnection.open({
    url,
    name: 'test',
    deadExchange: `${queue}.dlx`,
    setup: async (channel) => {
      lines.setups++;
      await channel.assertExchange(`${queue}.dlx`, 'fanout', { durable: true });
      await channel.assertQueue(`${queue}.dead`, { durable: true });
      await channel.bindQueue(`${queue}.dead`, `${queue}.dlx`, '');
      await channel.assertQueue(queue, { durable: true });
    },
    onState: (state) => lines.states.push(state),
  });
  if (url !== null) await lines.connection.whenConnected(10_000);
  return lines;
}

export const text = (value: string): Buffer => Buffer.from(value);
