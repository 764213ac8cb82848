import { randomUUID } from 'node:crypto';
import type { ChannelModel, ConfirmChannel, Message, Options } from 'amqplib';
import { isClosedChannel, notConnected, refused, unconfirmed, unroutable } from './errors.ts';
import type { PublishOptions } from './types.ts';

interface Pending {
  messageId: string;
  exchange: string;
  routingKey: string;
  returned: boolean;
  settled: Promise<void>;
}

export function toAmqpOptions(options: PublishOptions, messageId: string): Options.Publish {
  const { persistent = true, mandatory = true, timestamp, expirationMs, ...rest } = options;
  return {
    contentType: 'application/json',
    ...rest,
    messageId,
    persistent,
    mandatory,
    ...(timestamp === undefined ? {} : { timestamp: Math.floor(timestamp / 1000) }),
    ...(expirationMs === undefined ? {} : { expiration: String(Math.max(0, Math.round(expirationMs))) }),
  };
}

/**
 * Publishes with confirms over one channel of one connection. A channel that the broker closes (as for a missing
 * exchange) is replaced at the next message; the connection and its consumers are not disturbed.
 */
export class Publisher {
  readonly #model: ChannelModel;
  readonly #prepare: (channel: ConfirmChannel) => Promise<void>;
  readonly #pending = new Set<Pending>();
  #channel: Promise<ConfirmChannel> | null = null;

  /** @param prepare runs on every new channel, before the first message */
  constructor(model: ChannelModel, prepare: (channel: ConfirmChannel) => Promise<void>) {
    this.#model = model;
    this.#prepare = prepare;
  }

  async open(): Promise<void> {
    await this.#current();
  }

  #current(): Promise<ConfirmChannel> {
    if (this.#channel !== null) return this.#channel;
    const opening = this.#open();
    this.#channel = opening;
    opening.catch(() => this.#forget(opening));
    return opening;
  }

  #forget(channel: Promise<ConfirmChannel>): void {
    if (this.#channel === channel) this.#channel = null;
  }

  async #open(): Promise<ConfirmChannel> {
    const channel = await this.#model.createConfirmChannel();
    // Without this listener an error of the channel would end the process.
    channel.on('error', (error) => closeReasons.set(channel, error));
    channel.on('close', () => {
      this.#channel = null;
    });
    channel.on('return', (message) => this.#returned(message));
    await this.#prepare(channel);
    return channel;
  }

  /** Marks a message as returned. The broker sends a return before the confirm of the same message. */
  #returned(message: Message): void {
    const { exchange, routingKey } = message.fields;
    for (const pending of this.#pending) {
      if (pending.returned || pending.messageId !== message.properties.messageId) continue;
      if (pending.exchange !== exchange || pending.routingKey !== routingKey) continue;
      pending.returned = true;
      return;
    }
  }

  /** Resolves when the broker has taken the message. */
  async publish(exchange: string, routingKey: string, content: Buffer, options: PublishOptions): Promise<void> {
    let channel: ConfirmChannel;
    try {
      channel = await this.#current();
    } catch (error) {
      throw notConnected(error instanceof Error ? error.message : String(error));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const messageId = options.messageId ?? randomUUID();
    const pending: Pending = { messageId, exchange, routingKey, returned: false, settled: promise };
    this.#pending.add(pending);
    try {
      channel.publish(exchange, routingKey, content, toAmqpOptions(options, messageId), (error: unknown) => {
        // On close every outstanding callback is called with an error; nothing may be sent from here.
        if (error != null) reject(unconfirmed(closeReasons.get(channel) ?? error));
        else if (pending.returned) reject(unroutable(exchange, routingKey));
        else resolve();
      });
    } catch (error) {
      reject(isClosedChannel(error) ? notConnected('the channel has just been closed') : refused(error));
    }
    try {
      await promise;
    } finally {
      this.#pending.delete(pending);
    }
  }

  /** Resolves when every message sent so far is confirmed or refused. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#pending].map((pending) => pending.settled));
  }
}

/** Why the broker closed a channel: confirm callbacks hear no more than "channel closed". */
const closeReasons = new WeakMap<ConfirmChannel, Error>();
