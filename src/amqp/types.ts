import type { Channel } from 'amqplib';

/** The methods that work on one channel: declaring and deleting queues, exchanges and bindings, looking into queues. */
export type AmqpChannel = Pick<
  Channel,
  | 'assertQueue'
  | 'assertExchange'
  | 'bindQueue'
  | 'unbindQueue'
  | 'deleteQueue'
  | 'deleteExchange'
  | 'purgeQueue'
  | 'checkQueue'
  | 'get'
>;

export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;

export type AmqpState =
  /** There is no broker to connect to. */
  | { status: 'none' }
  | { status: 'connecting'; attempt: number; error: string | null }
  /** `blocked`: why the broker takes no messages now (memory or disk alarm); null: it takes them. */
  | { status: 'connected'; blocked: string | null }
  | { status: 'closed' };

export interface PublishOptions {
  /** Default true: survives a restart of the broker in a durable queue. */
  persistent?: boolean;
  /** Default true: rejects with `unroutable` when no queue takes it. */
  mandatory?: boolean;
  /** Default: a new UUID. */
  messageId?: string;
  correlationId?: string;
  replyTo?: string;
  type?: string;
  /** Milliseconds since 1970; AMQP keeps whole seconds. */
  timestamp?: number;
  headers?: Record<string, unknown>;
  contentType?: string;
  /** Milliseconds after which the broker may drop the message. */
  expirationMs?: number;
  priority?: number;
}

export interface Delivery {
  /** Queue that it was consumed from. */
  queue: string;
  exchange: string;
  routingKey: string;
  redelivered: boolean;
  content: Buffer;
  messageId: string | undefined;
  correlationId: string | undefined;
  replyTo: string | undefined;
  type: string | undefined;
  contentType: string | undefined;
  headers: Record<string, unknown>;
}

/** How a delivery ends. `dead`: kept among the dead letters with this reason. */
export type Outcome = 'ack' | 'requeue' | { dead: string };

export type Handler = (delivery: Delivery) => Promise<Outcome>;

export interface ConsumeOptions {
  /** Deliveries in the handler at the same time; default 1. */
  prefetch?: number;
  /** Forbids other consumers of the queue; while there is one, this one keeps trying. Default false. */
  exclusive?: boolean;
  /**
   * The broker forgets each message as it delivers it: for messages that are not worth a second try. `prefetch` bounds
   * nothing then, and of the outcomes only `dead` has an effect. Default false.
   */
  noAck?: boolean;
}

export interface Consumption {
  /**
   * How many messages wait in the queue; messages that left it before are with the handler when this resolves. Null
   * while there is no broker, or the consumer is just being registered.
   */
  waiting(): Promise<number | null>;
  /** Takes no more deliveries; resolves when those in hand are settled, which their handlers must see to. */
  cancel(): Promise<void>;
}
