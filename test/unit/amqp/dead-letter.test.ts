import { expect, test } from 'vitest';
import { deadLetterHeaders } from '../../../src/amqp/dead-letter.ts';
import { toAmqpOptions } from '../../../src/amqp/publisher.ts';
import type { Delivery } from '../../../src/amqp/index.ts';

const delivery: Delivery = {
  queue: 'p.agent.submit',
  exchange: '',
  routingKey: 'p.agent.submit',
  redelivered: false,
  content: Buffer.from('nonsense'),
  messageId: 'm',
  correlationId: undefined,
  replyTo: 'a-client',
  type: undefined,
  contentType: undefined,
  headers: { mine: 1 },
};
const at = new Date(0);

test('a dead letter says why, from where, and keeps what it came with', () => {
  expect(deadLetterHeaders(delivery, 'bad', at)).toEqual({
    mine: 1,
    'x-swarm-reason': 'bad',
    'x-swarm-queue': 'p.agent.submit',
    'x-swarm-exchange': '',
    'x-swarm-routing-key': 'p.agent.submit',
    'x-swarm-at': '1970-01-01T00:00:00.000Z',
    'x-swarm-reply-to': 'a-client',
  });
});

test('neither a long reason nor large foreign headers make a dead letter that cannot be sent', () => {
  const headers = deadLetterHeaders({ ...delivery, headers: { big: 'x'.repeat(60_000) } }, 'y'.repeat(100_000), at);
  expect(JSON.stringify(headers).length).toBeLessThan(4_000);
});

test('messages are persistent, mandatory and JSON unless said otherwise; times become what AMQP wants', () => {
  expect(toAmqpOptions({ timestamp: 1_999, expirationMs: 1_500.4 }, 'id')).toEqual({
    contentType: 'application/json',
    messageId: 'id',
    persistent: true,
    mandatory: true,
    timestamp: 1,
    expiration: '1500',
  });
  expect(toAmqpOptions({ persistent: false, mandatory: false }, 'id')).toMatchObject({
    persistent: false,
    mandatory: false,
  });
});
