import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { AmqpConnection, ConsumeOptions, Consumption, Delivery, Outcome, PublishOptions } from '../amqp/index.ts';
import { SwarmError } from '../domain/errors.ts';
import { decode, MESSAGE_VERSION, payloadSchemas } from './messages.ts';
import type { ClaimReply, Envelope, MessageType, Payload } from './messages.ts';
import { ANY_CAPABILITY, HEARTBEAT_KEY } from './names.ts';
import type { AmqpNames } from './names.ts';

/** The payload as a sender gives it: fields with a default may be left out. */
export type PayloadInput<T extends MessageType> = z.input<(typeof payloadSchemas)[T]>;

/** Addressed to one queue, or to an exchange; `required`: at least one queue must take it. */
export type Route = { queue: string } | { exchange: string; key: string; required: boolean };

export interface SendOptions {
  /** Default: a new UUID. A message with the same id is the same message: receivers drop a double. */
  id?: string;
  to?: string;
  correlationId?: string;
  replyTo?: string;
  /** Default true. */
  persistent?: boolean;
  /** The broker drops it after so many ms. */
  expirationMs?: number;
}

export interface BusOptions {
  connection: AmqpConnection;
  names: AmqpNames;
  /** Sender in every envelope: an agent's id, or `supervisor`. */
  from: string;
}

/** Checks the payload and wraps it. @throws SwarmError `bad-message` */
export function seal<T extends MessageType>(
  type: T,
  payload: PayloadInput<T>,
  meta: { from: string; id?: string | undefined; to?: string | undefined; at?: Date },
): Envelope<T> {
  const checked = payloadSchemas[type].safeParse(payload);
  if (!checked.success) {
    const detail = z.prettifyError(checked.error).replaceAll('\n', ' ');
    throw new SwarmError('bad-message', `A "${type}" that no receiver would accept was not sent: ${detail}`, {
      exitCode: 2,
    });
  }
  return {
    v: MESSAGE_VERSION,
    id: meta.id ?? randomUUID(),
    type,
    from: meta.from,
    ...(meta.to === undefined ? {} : { to: meta.to }),
    at: (meta.at ?? new Date()).toISOString(),
    payload: checked.data as Payload<T>,
  };
}

function properties(envelope: Envelope, options: SendOptions): PublishOptions {
  return {
    messageId: envelope.id,
    type: envelope.type,
    timestamp: Date.parse(envelope.at),
    ...(options.correlationId === undefined ? {} : { correlationId: options.correlationId }),
    ...(options.replyTo === undefined ? {} : { replyTo: options.replyTo }),
    ...(options.persistent === undefined ? {} : { persistent: options.persistent }),
    ...(options.expirationMs === undefined ? {} : { expirationMs: options.expirationMs }),
  };
}

function toBody(envelope: Envelope): Buffer {
  return Buffer.from(JSON.stringify(envelope));
}

/** Typed messages over one connection: checked when they are sent and when they arrive. */
export class Bus {
  readonly #connection: AmqpConnection;
  readonly #names: AmqpNames;
  readonly #from: string;

  constructor(options: BusOptions) {
    this.#connection = options.connection;
    this.#names = options.names;
    this.#from = options.from;
  }

  /**
   * Publishes a message. Resolves when the broker has it.
   * @throws `bad-message` and what AmqpConnection.publish throws
   */
  async publish<T extends MessageType>(
    type: T,
    payload: PayloadInput<T>,
    route: Route,
    options: SendOptions = {},
  ): Promise<void> {
    const envelope = seal(type, payload, { from: this.#from, id: options.id, to: options.to });
    const to = 'queue' in route ? { exchange: '', key: route.queue, required: true } : route;
    await this.#connection.publish(to.exchange, to.key, toBody(envelope), {
      ...properties(envelope, options),
      mandatory: to.required,
    });
  }

  /**
   * Consumes one type from a queue. A body that is not such a message goes to the dead letters with the reason, and the
   * consumer lives on. The handler's return value acknowledges the message; after a throw the handler gets it once
   * more.
   */
  consume<T extends MessageType>(
    queue: string,
    type: T,
    handler: (message: Envelope<T>, delivery: Delivery) => Promise<Outcome>,
    options: ConsumeOptions = {},
  ): Consumption {
    return this.#connection.consume(
      queue,
      async (delivery) => {
        const decoded = decode(delivery.content, type);
        return decoded.ok ? handler(decoded.message, delivery) : { dead: decoded.reason };
      },
      options,
    );
  }

  /**
   * Sends a request to a queue and waits for the reply.
   * @throws `amqp-timeout`, `bad-reply`, and what AmqpConnection.publish throws
   */
  async request<T extends MessageType, R extends MessageType>(
    queue: string,
    type: T,
    payload: PayloadInput<T>,
    replyType: R,
    options: { timeoutMs: number },
  ): Promise<Payload<R>> {
    const envelope = seal(type, payload, { from: this.#from });
    const content = await this.#connection.request(queue, toBody(envelope), {
      ...properties(envelope, {}),
      persistent: false,
      correlationId: envelope.id,
      timeoutMs: options.timeoutMs,
    });
    const decoded = decode(content, replyType);
    if (decoded.ok) return decoded.message.payload;
    throw new SwarmError('bad-reply', `The reply from "${queue}" cannot be understood: ${decoded.reason}`, {
      hint: 'Restart the side with the older version of swarm.',
    });
  }

  async reply<T extends MessageType>(delivery: Delivery, type: T, payload: PayloadInput<T>): Promise<void> {
    const envelope = seal(type, payload, { from: this.#from });
    await this.#connection.reply(delivery, toBody(envelope), properties(envelope, {}));
  }

  /**
   * Publishes a wake-up call for agents with the capability (null: for any agent).
   * @throws `unroutable` when no such queue is declared
   */
  publishTicket(capability: string | null, options: Pick<SendOptions, 'expirationMs'> = {}): Promise<void> {
    const key = capability ?? ANY_CAPABILITY;
    return this.publish(
      'task.ticket',
      { capability },
      { exchange: this.#names.ticketsExchange, key, required: true },
      options,
    );
  }

  claim(claim: PayloadInput<'task.claim'>, timeoutMs: number): Promise<ClaimReply> {
    return this.request(this.#names.claims, 'task.claim', claim, 'task.claim.reply', { timeoutMs });
  }

  /**
   * Answers claims, as the only consumer. A claim is acknowledged once it is answered; after a failed answer the agent
   * claims again.
   */
  serveClaims(answer: (claim: Payload<'task.claim'>) => Promise<ClaimReply> | ClaimReply, prefetch = 16): Consumption {
    return this.consume(
      this.#names.claims,
      'task.claim',
      async (message, delivery) => {
        await this.reply(delivery, 'task.claim.reply', await answer(message.payload));
        return 'ack';
      },
      { prefetch, exclusive: true },
    );
  }

  /** Publishes a heartbeat. It needs no listener, and is not persistent: the next one repeats it. */
  heartbeat(payload: PayloadInput<'agent.heartbeat'>): Promise<void> {
    return this.publish(
      'agent.heartbeat',
      payload,
      { exchange: this.#names.status, key: HEARTBEAT_KEY, required: false },
      { persistent: false },
    );
  }

  /** Publishes a fact of public interest. @param subject e.g. `task.done`: goes out as `agent.status.task.done` */
  status(subject: string, payload: PayloadInput<'agent.status'>): Promise<void> {
    const route = { exchange: this.#names.status, key: `agent.status.${subject}`, required: false };
    return this.publish('agent.status', payload, route, { persistent: false });
  }

  alert(payload: PayloadInput<'agent.alert'>): Promise<void> {
    return this.publish('agent.alert', payload, { exchange: this.#names.alerts, key: '', required: false });
  }

  /**
   * Whether this broker has been restarted or wiped since the last call: then tickets may be lost and are published
   * again. The sign is a non-persistent message in the identity queue, which is put there again when it is missing.
   */
  async brokerIsNew(): Promise<boolean> {
    const info = await this.#connection.queueInfo(this.#names.identity);
    if (info !== null && info.messages > 0) return false;
    await this.#connection.publish('', this.#names.identity, Buffer.from(randomUUID()), {
      persistent: false,
      contentType: 'text/plain',
    });
    return true;
  }
}
