import { clip } from '../lib/text.ts';
import type { Delivery } from './types.ts';

const REASON_MAX = 2_000;
/** A foreign message's headers above this would not fit into one frame together with ours. */
const HEADERS_MAX = 16_000;

/** Headers of a dead letter: why, from which queue, when, and where replies had been wanted; the old ones stay. */
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
