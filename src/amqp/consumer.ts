import type { Channel, ConsumeMessage, GetMessage } from 'amqplib';
import { errorText } from '../domain/errors.ts';
import { backoffDelay, HALF_JITTER, type BackoffRules } from '../lib/backoff.ts';
import { pause, sleep, systemClock } from '../lib/clock.ts';
import type { Session } from './session.ts';
import type { ConsumeOptions, Consumption, Delivery, Handler, Log, Outcome } from './types.ts';

export interface ConsumerParts {
  /** Keeps a copy among the dead letters; null when the connection has no exchange for them. */
  deadLetter: ((delivery: Delivery, reason: string) => Promise<void>) | null;
  /** Declares the topology again: the queue may have been deleted. */
  redeclare: (session: Session) => Promise<void>;
  log: Log;
}

/** Wait until the next dial, or the next registration. */
export const RETRY_BACKOFF: BackoffRules = { baseMs: 50, capMs: 1_000, jitter: HALF_JITTER };
/** Wait before a failed delivery goes back to the queue, so that it does not go round in circles. */
const REQUEUE_MS = 100;
const DEAD_LETTER_RETRY_MS = 1_000;

/** One registration. A delivery can be acknowledged on its channel only. */
interface Registration {
  channel: Channel;
  tag: string;
  open: boolean;
}

export function toDelivery(queue: string, message: ConsumeMessage | GetMessage): Delivery {
  const { properties, fields, content } = message;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    queue,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    redelivered: fields.redelivered,
    content,
    messageId: text(properties.messageId),
    correlationId: text(properties.correlationId),
    replyTo: text(properties.replyTo),
    type: text(properties.type),
    contentType: text(properties.contentType),
    headers: { ...properties.headers },
  };
}

/** A consumer of one queue over all connections: registered on each, and again whenever the broker ends it. */
export class Consumer implements Consumption {
  readonly #queue: string;
  readonly #handler: Handler;
  readonly #options: Required<ConsumeOptions>;
  readonly #parts: ConsumerParts;
  readonly #inHand = new Set<Promise<void>>();
  #registration: Registration | null = null;
  /** Aborted when no further registration is made and no further delivery waited for. */
  readonly #cancelled = new AbortController();

  constructor(queue: string, handler: Handler, options: ConsumeOptions, parts: ConsumerParts) {
    this.#queue = queue;
    this.#handler = handler;
    const { prefetch = 1, exclusive = false, noAck = false } = options;
    this.#options = { prefetch, exclusive, noAck };
    this.#parts = parts;
  }

  /** Keeps the consumer registered until the session ends or the consumer is cancelled; never rejects. */
  async attach(session: Session): Promise<void> {
    const over = new AbortController();
    void session.ended.then(() => over.abort());
    const signal = AbortSignal.any([over.signal, this.#cancelled.signal]);
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (attempt > 0) await this.#parts.redeclare(session);
        const reason = await this.#register(session, () => {
          attempt = 0;
        });
        if (!signal.aborted) this.#parts.log('warn', `consumer of ${this.#queue} ended: ${reason}`);
      } catch (error) {
        // Each wait is bounded by a second: without this, a long contest for an exclusive queue would fill the log.
        const level = attempt === 0 ? 'warn' : 'debug';
        this.#parts.log(level, `consumer of ${this.#queue} not registered: ${errorText(error)}`, { attempt });
      }
      await pause(systemClock, backoffDelay(RETRY_BACKOFF, attempt + 1), signal);
    }
  }

  /** Registers the consumer and waits for the end of the registration. @returns why it ended */
  async #register(session: Session, onRegistered: () => void): Promise<string> {
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const channel = await session.channel((error) => {
      registration.open = false;
      end(error?.message ?? 'channel closed');
    });
    const registration: Registration = { channel, tag: '', open: true };
    try {
      await channel.prefetch(this.#options.prefetch);
      const onMessage = (message: ConsumeMessage | null): void => {
        if (message === null) end('the queue was deleted');
        else this.#take(registration, message);
      };
      const { exclusive, noAck } = this.#options;
      const { consumerTag } = await channel.consume(this.#queue, onMessage, { exclusive, noAck });
      registration.tag = consumerTag;
      this.#registration = registration;
      onRegistered();
      if (this.#cancelled.signal.aborted) await this.#unregister();
      return await ended;
    } finally {
      if (this.#registration === registration) this.#registration = null;
      await closeChannel(registration);
    }
  }

  #take(registration: Registration, message: ConsumeMessage): void {
    const work = this.#handle(registration, message).finally(() => this.#inHand.delete(work));
    this.#inHand.add(work);
  }

  async #handle(registration: Registration, message: ConsumeMessage): Promise<void> {
    const delivery = toDelivery(this.#queue, message);
    let outcome: Outcome;
    try {
      outcome = await this.#handler(delivery);
    } catch (error) {
      // A second try for a delivery whose failure may pass; after that it is dead, with the reason.
      const text = `handler failed: ${errorText(error)}`;
      outcome = delivery.redelivered ? { dead: text } : 'requeue';
      this.#parts.log('error', `${this.#queue}: ${text}`, { messageId: delivery.messageId, outcome });
    }
    try {
      await this.#settle(registration, delivery, message, outcome);
    } catch (error) {
      this.#parts.log('warn', `${this.#queue}: delivery not settled, it will come again: ${errorText(error)}`);
    }
  }

  /**
   * Settles a delivery, on the channel that delivered it only: on the next channel its tag means nothing, or another
   * message.
   */
  async #settle(
    registration: Registration,
    delivery: Delivery,
    message: ConsumeMessage,
    outcome: Outcome,
  ): Promise<void> {
    const settled = typeof outcome === 'object' ? await this.#bury(delivery, outcome.dead) : outcome;
    if (this.#options.noAck) return;
    if (settled === 'requeue' && delivery.redelivered) await sleep(systemClock, REQUEUE_MS);
    if (!registration.open) return;
    if (settled === 'ack') registration.channel.ack(message);
    else registration.channel.nack(message, false, settled === 'requeue');
  }

  async #bury(delivery: Delivery, reason: string): Promise<'ack' | 'requeue' | 'drop'> {
    // The queue's own dead letter exchange takes the delivery, without a reason.
    if (this.#parts.deadLetter === null) return 'drop';
    try {
      await this.#parts.deadLetter(delivery, reason);
      return 'ack';
    } catch (error) {
      this.#parts.log('error', `${this.#queue}: dead letter not kept, trying again: ${errorText(error)}`);
      await sleep(systemClock, DEAD_LETTER_RETRY_MS);
      return 'requeue';
    }
  }

  async waiting(): Promise<number | null> {
    const { channel, open } = this.#registration ?? { channel: null, open: false };
    if (channel === null || !open) return null;
    try {
      const { messageCount } = await channel.checkQueue(this.#queue);
      // The broker sends the deliveries that it counted before it answers this.
      await channel.prefetch(this.#options.prefetch);
      return messageCount;
    } catch (error) {
      this.#parts.log('debug', `${this.#queue} cannot be counted: ${errorText(error)}`);
      return null;
    }
  }

  async #unregister(): Promise<void> {
    const registration = this.#registration;
    if (registration?.open === true) await registration.channel.cancel(registration.tag);
  }

  async cancel(): Promise<void> {
    this.#cancelled.abort();
    try {
      await this.#unregister();
      await Promise.allSettled(this.#inHand);
      if (this.#registration !== null) await closeChannel(this.#registration);
    } catch (error) {
      this.#parts.log('debug', `${this.#queue}: the connection went before the consumer: ${errorText(error)}`);
      await Promise.allSettled(this.#inHand);
    }
  }
}

async function closeChannel(registration: Registration): Promise<void> {
  if (!registration.open) return;
  registration.open = false;
  await registration.channel.close();
}
