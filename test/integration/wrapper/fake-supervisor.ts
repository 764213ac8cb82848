import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { AmqpConnection } from '../../../src/amqp/index.ts';
import { Bus } from '../../../src/coordination/bus.ts';
import {
  toSupervisorSchema,
  type Order,
  type ToSupervisor,
  type WrapperSnapshot,
} from '../../../src/coordination/link.ts';
import type { Payload, TaskOrder, TaskResult } from '../../../src/coordination/messages.ts';
import { amqpNames } from '../../../src/coordination/names.ts';
import { declareTopology } from '../../../src/coordination/topology.ts';

type Ack = Extract<ToSupervisor, { type: 'ack' }>;
type LinkEvent = Extract<ToSupervisor, { type: 'event' }>;

/** The supervisor's side of both contracts, as small as it can be: a list of orders, a list of results. */
export class FakeSupervisor implements AsyncDisposable {
  epoch = 1;
  amqpUrl: string | null;
  /** Given to claims in the order of their arrival. */
  readonly orders: TaskOrder[] = [];
  readonly results: TaskResult[] = [];
  readonly claims: Payload<'task.claim'>[] = [];
  /** How many results had been sent before the first claim. */
  resultsBeforeClaims = 0;
  readonly events: LinkEvent[] = [];
  readonly heartbeats: Payload<'agent.heartbeat'>[] = [];
  readonly snapshots: WrapperSnapshot[] = [];
  hellos = 0;
  /** Attempts named in the welcome; null = those of the hello itself. */
  attempts: { task: string; attempt: number }[] | null = null;
  readonly #project: string;
  readonly #socketPath: string;
  #server: net.Server | null = null;
  #socket: net.Socket | null = null;
  #connection: AmqpConnection | null = null;
  #bus: Bus | null = null;
  readonly #acks = new Map<string, (ack: Ack) => void>();

  constructor(project: string, socketPath: string, amqpUrl: string | null) {
    this.#project = project;
    this.#socketPath = socketPath;
    this.amqpUrl = amqpUrl;
  }

  get snapshot(): WrapperSnapshot | null {
    return this.snapshots.at(-1) ?? null;
  }

  async start(): Promise<void> {
    if (this.amqpUrl !== null) await this.#serveBroker(this.amqpUrl);
    await this.listen();
  }

  async listen(): Promise<void> {
    const server = net.createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve) => server.listen(this.#socketPath, resolve));
    this.#server = server;
  }

  /** Ends like a supervisor that dies: the socket's file goes too. */
  async away(): Promise<void> {
    const server = this.#server;
    this.#socket?.destroy();
    this.#socket = null;
    this.#server = null;
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async order(order: Order, epoch = this.epoch): Promise<Ack> {
    const id = randomUUID();
    const acked = Promise.withResolvers<Ack>();
    this.#acks.set(id, acked.resolve);
    this.send({ type: 'order', epoch, id, order });
    return await acked.promise;
  }

  send(message: unknown): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }

  /** Publishes one ticket for the common queue of a kind. */
  async ticket(capability: string | null): Promise<void> {
    await this.#bus?.publishTicket(capability);
  }

  eventsNamed(name: string): LinkEvent[] {
    return this.events.filter((event) => event.name === name);
  }

  async #serveBroker(url: string): Promise<void> {
    const names = amqpNames(this.#project);
    const connection = AmqpConnection.open({
      url,
      name: 'fake supervisor',
      setup: (channel) => declareTopology(channel, names, { agents: [], capabilities: ['shell'] }),
    });
    await connection.whenConnected(10_000);
    const bus = new Bus({ connection, names, from: 'supervisor' });
    const results = bus.consume(names.results, 'task.result', async (message) => {
      this.results.push(message.payload);
      return 'ack';
    });
    bus.serveClaims(async (claim) => {
      if (this.claims.length === 0) {
        while ((await results.waiting()) !== 0);
        this.resultsBeforeClaims = this.results.length;
      }
      this.claims.push(claim);
      const order = this.orders.shift();
      return order === undefined
        ? { got: 'none', reason: 'nothing' }
        : { got: 'task', order: { ...order, slot: claim.slot } };
    });
    bus.consume(names.heartbeats, 'agent.heartbeat', async (message) => {
      this.heartbeats.push(message.payload);
      return 'ack';
    });
    this.#connection = connection;
    this.#bus = bus;
  }

  #accept(socket: net.Socket): void {
    this.#socket = socket;
    let buffered = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      buffered += chunk;
      for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
        this.#receive(toSupervisorSchema.parse(JSON.parse(buffered.slice(0, end))));
        buffered = buffered.slice(end + 1);
      }
    });
  }

  #receive(message: ToSupervisor): void {
    switch (message.type) {
      case 'hello':
        this.hellos += 1;
        this.snapshots.push(message.snapshot);
        this.send({
          type: 'welcome',
          epoch: this.epoch,
          protocol: 1,
          amqpUrl: this.amqpUrl,
          attempts: this.attempts ?? message.snapshot.tasks.map(({ task, attempt }) => ({ task, attempt })),
        });
        return;
      case 'snapshot':
        this.snapshots.push(message.snapshot);
        return;
      case 'event':
        this.events.push(message);
        return;
      case 'ack':
        this.#acks.get(message.id)?.(message);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send({ type: 'bye', epoch: this.epoch });
    await this.away();
    await this.#connection?.[Symbol.asyncDispose]();
  }
}
