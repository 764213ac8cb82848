import { errorText } from '../domain/errors.ts';
import { backoffDelay } from '../lib/backoff.ts';
import { systemClock } from '../lib/clock.ts';
import { Consumer, RETRY_BACKOFF } from './consumer.ts';
import { deadLetterHeaders } from './dead-letter.ts';
import { blocked, isClosedChannel, notConnected } from './errors.ts';
import { Session } from './session.ts';
import type {
  AmqpChannel,
  AmqpState,
  ConsumeOptions,
  Consumption,
  Delivery,
  Handler,
  Log,
  PublishOptions,
} from './types.ts';

export interface AmqpOptions {
  /** Address with user and password; null while there is no broker. */
  url: string | null;
  /** Name that the broker shows for the connection. */
  name: string;
  /** Declares queues, exchanges and bindings; runs on every connect, so it must be idempotent. */
  setup: (channel: AmqpChannel) => Promise<void>;
  /** Exchange for deliveries that a handler gives up as dead. */
  deadExchange?: string;
  onState?: (state: AmqpState) => void;
  log?: Log;
}

/** A connection that lived for less than this does not reset the waits between tries. */
const STABLE_MS = 5_000;
const DRAIN_MS = 10_000;

/**
 * The one owner of a connection to RabbitMQ. It connects and reconnects for ever, declares the topology and registers
 * the consumers on every connect. No error of the broker ends the process; a message that cannot be sent is rejected.
 */
export class AmqpConnection implements AsyncDisposable {
  readonly #options: AmqpOptions;
  readonly #consumers = new Set<Consumer>();
  readonly #waiters = new Set<() => void>();
  #url: string | null;
  #session: Session | null = null;
  #state: AmqpState = { status: 'none' };
  #closed = false;
  #closing: Promise<void> | null = null;
  #wake: () => void = () => undefined;
  #dialling = new AbortController();
  readonly #running: Promise<void>;

  private constructor(options: AmqpOptions) {
    this.#options = options;
    this.#url = options.url;
    this.#running = this.#run();
  }

  /** Begins to connect and returns at once, whether or not a broker is there. */
  static open(options: AmqpOptions): AmqpConnection {
    return new AmqpConnection(options);
  }

  get state(): AmqpState {
    return this.#state;
  }

  #log(...args: Parameters<Log>): void {
    this.#options.log?.(...args);
  }

  #setState(state: AmqpState): void {
    this.#state = state;
    for (const waiter of this.#waiters) waiter();
    try {
      this.#options.onState?.(state);
    } catch (error) {
      this.#log('error', `a listener of the AMQP state failed: ${errorText(error)}`);
    }
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#closed;) {
      const url = this.#url;
      if (url === null) {
        this.#setState({ status: 'none' });
        await this.#sleep(null);
        attempt = 0;
        continue;
      }
      const lived = await this.#live(url, attempt);
      if (this.#url !== url || lived > STABLE_MS) attempt = 0;
      if (this.#closed || this.#url !== url) continue;
      attempt += 1;
      await this.#sleep(backoffDelay(RETRY_BACKOFF, attempt));
    }
    this.#setState({ status: 'closed' });
  }

  /** Lives through one connection, from dial to end. @returns milliseconds that it was up */
  async #live(url: string, attempt: number): Promise<number> {
    if (attempt === 0) this.#setState({ status: 'connecting', attempt, error: null });
    let session: Session;
    try {
      const { name, setup } = this.#options;
      const { signal } = this.#dialling;
      session = await Session.open(url, { name, setup, signal, onBlocked: () => this.#showConnected() });
    } catch (error) {
      if (this.#closed || this.#url !== url) return 0;
      this.#log(attempt === 0 ? 'warn' : 'debug', `no connection to RabbitMQ: ${errorText(error)}`, { attempt });
      this.#setState({ status: 'connecting', attempt: attempt + 1, error: errorText(error) });
      return 0;
    }
    if (this.#closed || this.#url !== url) {
      await session.close();
      return 0;
    }
    const since = performance.now();
    this.#session = session;
    // Before the state is announced: a consumer that a listener adds attaches itself.
    for (const consumer of this.#consumers) void consumer.attach(session);
    this.#showConnected();
    const reason = await session.ended;
    this.#session = null;
    if (!this.#closed) {
      this.#log('warn', `connection to RabbitMQ lost: ${reason}`);
      this.#setState({ status: 'connecting', attempt: 0, error: reason });
    }
    return performance.now() - since;
  }

  #showConnected(): void {
    if (this.#session?.isOpen === true) this.#setState({ status: 'connected', blocked: this.#session.blocked });
  }

  /** Sleeps until the time is over, the URL changes or the connection is closed. */
  async #sleep(ms: number | null): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = ms === null ? () => undefined : systemClock.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    cancel();
  }

  #giveUpDialling(): void {
    this.#dialling.abort();
    this.#dialling = new AbortController();
  }

  /** Moves to another broker, or to none (null). The same URL again cuts the wait before the next try short. */
  setUrl(url: string | null): void {
    const changed = url !== this.#url;
    this.#url = url;
    if (changed) this.#giveUpDialling();
    if (changed && this.#session !== null) void this.#session.close();
    this.#wake();
  }

  /** Waits for a connection. @throws `amqp-not-connected` after `timeoutMs` */
  async whenConnected(timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = systemClock.after(timeoutMs, () => {
      const detail = this.#state.status === 'connecting' ? (this.#state.error ?? 'connecting') : this.#state.status;
      reject(notConnected(`${detail} (waited ${timeoutMs} ms)`));
    });
    const waiter = (): void => {
      if (this.#state.status === 'connected') resolve();
      else if (this.#state.status === 'closed') reject(notConnected('the connection was closed'));
    };
    this.#waiters.add(waiter);
    waiter();
    try {
      await promise;
    } finally {
      cancel();
      this.#waiters.delete(waiter);
    }
  }

  #connected(): Session {
    const session = this.#session;
    if (session === null || !session.isOpen) throw notConnected(this.#state.status);
    return session;
  }

  /**
   * Publishes a message. Resolves when the broker has confirmed it; a broker that hangs is given up after 20 s.
   * @throws SwarmError `amqp-not-connected`, `amqp-blocked`, `unroutable` (nothing was sent or kept: retry-safe);
   * `amqp-unconfirmed` (unknown: send again under the same id); `amqp-refused` (it cannot be encoded)
   */
  async publish(exchange: string, routingKey: string, content: Buffer, options: PublishOptions = {}): Promise<void> {
    const session = this.#connected();
    if (session.blocked !== null) throw blocked(session.blocked);
    await session.publisher.publish(exchange, routingKey, content, options);
  }

  /**
   * Consumes from now on, over all connections. A queue that is missing, or that another consumer holds, is tried again
   * for ever.
   */
  consume(queue: string, handler: Handler, options: ConsumeOptions = {}): Consumption {
    const { deadExchange } = this.#options;
    const consumer = new Consumer(queue, handler, options, {
      deadLetter: deadExchange === undefined ? null : (...args) => this.#deadLetter(deadExchange, ...args),
      redeclare: (session) => session.withChannel(this.#options.setup),
      log: (...args) => this.#log(...args),
    });
    this.#consumers.add(consumer);
    if (this.#session !== null) void consumer.attach(this.#session);
    return {
      waiting: () => consumer.waiting(),
      cancel: async () => {
        await consumer.cancel();
        this.#consumers.delete(consumer);
      },
    };
  }

  async #deadLetter(exchange: string, delivery: Delivery, reason: string): Promise<void> {
    const { messageId, correlationId, type, contentType } = delivery;
    await this.publish(exchange, delivery.queue, delivery.content, {
      headers: deadLetterHeaders(delivery, reason, new Date()),
      ...(messageId === undefined ? {} : { messageId }),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(type === undefined ? {} : { type }),
      ...(contentType === undefined ? {} : { contentType }),
    });
  }

  /** Sends a request to a queue and waits for the reply's content. @throws like `publish`, and `amqp-timeout` */
  async request(queue: string, content: Buffer, options: PublishOptions & { timeoutMs: number }): Promise<Buffer> {
    const session = this.#connected();
    return session.requester.request((...args) => this.publish(...args), queue, content, options);
  }

  /** Answers a request. A request without a reply queue, or whose sender has gone, is no error. */
  async reply(delivery: Delivery, content: Buffer, options: PublishOptions = {}): Promise<void> {
    const { replyTo, correlationId } = delivery;
    if (replyTo === undefined) return;
    await this.publish('', replyTo, content, {
      persistent: false,
      mandatory: false,
      ...options,
      ...(correlationId === undefined ? {} : { correlationId }),
    });
  }

  /** Runs `use` with a channel of its own, for declaring and deleting. */
  async withChannel<T>(use: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const session = this.#connected();
    try {
      return await session.withChannel(use);
    } catch (error) {
      throw isClosedChannel(error) ? notConnected('the connection was lost') : error;
    }
  }

  /** Number of ready messages and of consumers; null when there is no such queue. */
  async queueInfo(queue: string): Promise<{ messages: number; consumers: number } | null> {
    try {
      const { messageCount, consumerCount } = await this.withChannel((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 404) return null;
      throw error;
    }
  }

  /** Takes no more deliveries, lets handlers and confirms end (up to `drainMs`), then disconnects. Idempotent. */
  close(options: { drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.drainMs ?? DRAIN_MS);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const cancel = systemClock.after(drainMs, resolve);
    const drained = Promise.all([...this.#consumers].map((consumer) => consumer.cancel())).then(() =>
      this.#session?.publisher.idle(),
    );
    await Promise.race([drained, tooLate]);
    cancel();
    this.#closed = true;
    this.#giveUpDialling();
    await this.#session?.close();
    this.#wake();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
