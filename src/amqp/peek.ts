import { toDelivery } from './consumer.ts';
import type { AmqpChannel, Delivery } from './types.ts';

/**
 * Reads what waits in a queue without taking it: as nothing is acknowledged, all of it is back in its place when the
 * channel closes. Meanwhile no other consumer gets these messages.
 * @param max bounds what is held in memory; the message that crosses a bound is the last one
 * @returns `all`: nothing else waits
 * @throws code 404: there is no such queue; 403: an exclusive consumer has it
 */
export async function peek(
  channel: AmqpChannel,
  queue: string,
  max: { messages: number; bytes: number },
): Promise<{ deliveries: Delivery[]; all: boolean }> {
  const deliveries: Delivery[] = [];
  for (let bytes = 0; deliveries.length < max.messages && bytes < max.bytes;) {
    const message = await channel.get(queue, { noAck: false });
    if (message === false) return { deliveries, all: true };
    deliveries.push(toDelivery(queue, message));
    bytes += message.content.length;
  }
  return { deliveries, all: false };
}
