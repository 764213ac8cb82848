import amqp from 'amqplib';
import type { Channel, ChannelModel } from 'amqplib';
import { systemClock } from '../lib/clock.ts';
import { Publisher } from './publisher.ts';
import { Requester } from './requester.ts';
import type { AmqpChannel } from './types.ts';

const DIAL_MS = 5_000;
const CLOSE_MS = 2_000;
/** Seconds; a broker that hangs is noticed after two heartbeats. */
const HEARTBEAT_S = 10;

/** amqplib's own `timeout` is one of idleness and does not bound a handshake that stops half way. */
async function dial(url: string, name: string, signal: AbortSignal): Promise<ChannelModel> {
  signal.throwIfAborted();
  const target = new URL(url);
  if (!target.searchParams.has('heartbeat')) target.searchParams.set('heartbeat', String(HEARTBEAT_S));
  const dialling = amqp.connect(target.href, {
    noDelay: true,
    keepAlive: true,
    timeout: DIAL_MS,
    clientProperties: { connection_name: name },
  });
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const cancel = systemClock.after(DIAL_MS, () => reject(new Error(`no AMQP handshake within ${DIAL_MS} ms`)));
  const onAbort = (): void => reject(new Error('given up'));
  signal.addEventListener('abort', onAbort);
  givenUp.catch(() => dialling.then(closeLate, () => undefined));
  try {
    return await Promise.race([dialling, givenUp]);
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

function closeLate(model: ChannelModel): void {
  model.on('error', () => undefined);
  model.close().catch(() => undefined);
}

/** Ends the socket of a broker that hangs: amqplib has no way to do so. The stream exists, though not in the types. */
function destroySocket(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: { destroy?: () => void } };
  stream?.destroy?.();
}

/** One connection from its handshake to its end. */
export class Session {
  readonly publisher: Publisher;
  readonly requester = new Requester();
  /** Resolves with the reason once the connection is gone; never rejects. */
  readonly ended: Promise<string>;
  readonly #end: (reason: string) => void;
  readonly #model: ChannelModel;
  #open = true;
  #blocked: string | null = null;

  private constructor(model: ChannelModel, onBlocked: () => void) {
    this.#model = model;
    let failure: Error | null = null;
    // Without this listener an error of the connection would end the process.
    model.on('error', (error) => {
      failure = error;
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#end = (reason) => {
      this.#open = false;
      resolve(reason);
    };
    model.on('close', (error?: Error) => this.#end((failure ?? error)?.message ?? 'closed'));
    model.on('blocked', (reason: unknown) => {
      this.#blocked = String(
        typeof reason === 'object' && reason !== null && 'reason' in reason ? reason.reason : reason,
      );
      onBlocked();
    });
    model.on('unblocked', () => {
      this.#blocked = null;
      onBlocked();
    });
    this.publisher = new Publisher(model, (channel) => this.requester.listen(channel));
  }

  /** Connects, declares the topology, opens the channel for publishing; an abort of `signal` gives all of it up. */
  static async open(
    url: string,
    options: {
      name: string;
      setup: (channel: AmqpChannel) => Promise<void>;
      onBlocked: () => void;
      signal: AbortSignal;
    },
  ): Promise<Session> {
    const { name, setup, onBlocked, signal } = options;
    const session = new Session(await dial(url, name, signal), onBlocked);
    const onAbort = (): void => void session.close();
    signal.addEventListener('abort', onAbort);
    try {
      await session.withChannel(setup);
      await session.publisher.open();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get blocked(): string | null {
    return this.#blocked;
  }

  /** A channel whose errors close that channel alone; `onClose` is called once. */
  async channel(onClose: (error: Error | null) => void): Promise<Channel> {
    const channel = await this.#model.createChannel();
    let failure: Error | null = null;
    channel.on('error', (error) => {
      failure = error;
    });
    channel.on('close', () => onClose(failure));
    return channel;
  }

  async withChannel<T>(use: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    let open = true;
    const channel = await this.channel(() => {
      open = false;
    });
    try {
      return await use(channel);
    } finally {
      if (open) await channel.close();
    }
  }

  /** Closes the connection. Never throws and never hangs: after a while a broker that does not answer is given up. */
  async close(): Promise<void> {
    if (!this.#open) return;
    const cancel = systemClock.after(CLOSE_MS, () => {
      destroySocket(this.#model);
      this.#end('the broker did not answer the close');
    });
    this.#model.close().then(
      () => this.#end('closed'),
      (error: Error) => this.#end(error.message),
    );
    await this.ended;
    cancel();
  }
}
