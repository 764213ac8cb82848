import { clip } from '../lib/text.ts';
import type { Delivery } from './types.ts';

const REASON_MAX = 2_000;
/** Headers of another program's message above this size would not fit into one frame together with swarm's. */
const HEADERS_MAX = 16_000;

/** Headers of a dead letter: the reason, the queue, the time, and where replies were to go; the old headers stay. */
export function deadLetterHeaders(delivery: Delivery, reason: string, at: Date): Record<string, unknown> {
  const original = Buffer.byteLength(JSON.stringify(delivery.headers)) <= HEADERS_MAX ? delivery.headers : {};
  return {
    ...original,
    'x-swarm-reason': clip(reason, REASON_MAX),
    'x-swarm-queue': delivery.queue,
    'x-swarm-exchange': delivery.exchange,
    'x-swarm-routing-key': delivery.routingKey,
    'x-swarm-at': at.toISOString(),
    ...(delivery.replyTo === undefined ? {} : { 'x-swarm-reply-to': delivery.replyTo }),
  };
}
