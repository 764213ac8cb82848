import { randomUUID } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib';
import { systemClock } from '../lib/clock.ts';
import { noReply, unconfirmed } from './errors.ts';
import type { PublishOptions } from './types.ts';

/** A pseudo-queue of the broker: replies come straight to the channel of the request. */
const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

interface Waiting {
  resolve(content: Buffer): void;
  reject(error: Error): void;
}

type Publish = (exchange: string, routingKey: string, content: Buffer, options: PublishOptions) => Promise<void>;

/** Requests of one connection that wait for their reply. */
export class Requester {
  readonly #waiting = new Map<string, Waiting>();

  /** Consumes the replies. Must run on the very channel on which requests are published. */
  async listen(channel: ConfirmChannel): Promise<void> {
    channel.on('close', () => this.#failAll());
    await channel.consume(
      DIRECT_REPLY_TO,
      (message) => {
        if (message === null) return;
        this.#waiting.get(String(message.properties.correlationId))?.resolve(message.content);
      },
      { noAck: true },
    );
  }

  #failAll(): void {
    for (const waiting of this.#waiting.values())
      waiting.reject(unconfirmed('the connection was lost before the reply'));
  }

  /**
   * Sends a request to a queue and waits for the reply. The request itself vanishes from the queue after `timeoutMs`.
   */
  async request(
    publish: Publish,
    queue: string,
    content: Buffer,
    options: PublishOptions & { timeoutMs: number },
  ): Promise<Buffer> {
    const { timeoutMs, correlationId = randomUUID(), ...rest } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const cancel = systemClock.after(timeoutMs, () => reject(noReply(queue, timeoutMs)));
    this.#waiting.set(correlationId, { resolve, reject });
    // A refused publish rejects the request; after a confirmed one the reply decides.
    publish('', queue, content, {
      persistent: false,
      expirationMs: timeoutMs,
      ...rest,
      correlationId,
      replyTo: DIRECT_REPLY_TO,
    }).catch(reject);
    try {
      return await promise;
    } finally {
      cancel();
      this.#waiting.delete(correlationId);
    }
  }
}
