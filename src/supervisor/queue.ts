import type { Logger } from 'pino';
import { AmqpConnection, type AmqpState, type Consumption, type Outcome } from '../amqp/index.ts';
import { Bus } from '../coordination/bus.ts';
import type { ClaimReply, Heartbeat, Payload, TaskResult } from '../coordination/messages.ts';
import { amqpNames, type AmqpNames } from '../coordination/names.ts';
import { personalCapability, SHELL_CAPABILITY } from '../coordination/tickets.ts';
import { declareTopology } from '../coordination/topology.ts';
import { SwarmError } from '../domain/errors.ts';
import { systemClock } from '../lib/clock.ts';

const RESULT_PREFETCH = 64;
const CLAIM_PREFETCH = 64;
const SUBMIT_PREFETCH = 16;
const HEARTBEAT_PREFETCH = 64;
/** Between two tries to take a task in while the store holds as many as it may, ms. */
const FULL_PAUSE_MS = 1_000;

export interface QueueOptions {
  project: string;
  log: Logger;
  agents(): string[];
  capabilities(): string[];
  claim(claim: Payload<'task.claim'>): Promise<ClaimReply>;
  result(result: TaskResult): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  /** Keyed by the message id, so that a redelivery adds nothing. @throws SwarmError what is wrong with it */
  submit(task: Payload<'task.submit'>, messageId: string): Promise<void>;
  onState(state: AmqpState): void;
}

/** The supervisor's side of the broker: what it consumes, and the tickets it gives out. */
export class SupervisorQueue {
  readonly names: AmqpNames;
  readonly bus: Bus;
  readonly #connection: AmqpConnection;
  readonly #options: QueueOptions;
  readonly #consumptions: Consumption[];

  constructor(options: QueueOptions) {
    this.#options = options;
    this.names = amqpNames(options.project);
    this.#connection = AmqpConnection.open({
      url: null,
      name: `swarm supervisor ${options.project}`,
      deadExchange: this.names.deadExchange,
      setup: (channel) =>
        declareTopology(channel, this.names, { agents: options.agents(), capabilities: this.#capabilities() }),
      onState: (state) => options.onState(state),
      log: (level, message, fields) => options.log[level](fields ?? {}, message),
    });
    this.bus = new Bus({ connection: this.#connection, names: this.names, from: 'supervisor' });
    this.#consumptions = this.#consume();
  }

  #capabilities(): string[] {
    const personal = this.#options.agents().map(personalCapability);
    return [...new Set([...this.#options.capabilities(), SHELL_CAPABILITY, ...personal])];
  }

  #consume(): Consumption[] {
    const { bus, names } = this;
    const options = this.#options;
    return [
      bus.serveClaims((claim) => options.claim(claim), CLAIM_PREFETCH),
      bus.consume(
        names.results,
        'task.result',
        async (message): Promise<Outcome> => {
          await options.result(message.payload);
          return 'ack';
        },
        { prefetch: RESULT_PREFETCH, exclusive: true },
      ),
      bus.consume(
        names.heartbeats,
        'agent.heartbeat',
        async (message): Promise<Outcome> => {
          await options.heartbeat(message.payload);
          return 'ack';
        },
        { prefetch: HEARTBEAT_PREFETCH, exclusive: true },
      ),
      bus.consume(names.submit, 'task.submit', (message) => this.#submit(message.payload, message.id), {
        prefetch: SUBMIT_PREFETCH,
        exclusive: true,
      }),
    ];
  }

  async #submit(task: Payload<'task.submit'>, messageId: string): Promise<Outcome> {
    try {
      await this.#options.submit(task, messageId);
      return 'ack';
    } catch (error) {
      if (error instanceof SwarmError && error.code === 'too-many-tasks') {
        // It waits in the queue, whose own bound then refuses publishers.
        await systemClock.sleep(FULL_PAUSE_MS);
        return 'requeue';
      }
      // What nobody can mend by trying again is kept with its reason; a store that is full or broken may come back.
      if (error instanceof SwarmError && !error.retrySafe) return { dead: `${error.message} ${error.hint ?? ''}`.trim() };
      throw error;
    }
  }

  get connected(): boolean {
    return this.#connection.state.status === 'connected';
  }

  setUrl(url: string | null): void {
    this.#connection.setUrl(url);
  }

  /** Declares what came with new agents or capabilities. */
  async redeclare(): Promise<void> {
    if (!this.connected) return;
    const scope = { agents: this.#options.agents(), capabilities: this.#capabilities() };
    await this.#connection.withChannel((channel) => declareTopology(channel, this.names, scope));
  }

  async depths(): Promise<{ name: string; messages: number; consumers: number }[]> {
    if (!this.connected) return [];
    const { names } = this;
    const queues = [names.submit, names.tickets, names.claims, names.results, names.dead];
    const infos = await Promise.all(queues.map((name) => this.#connection.queueInfo(name)));
    return infos.flatMap((info, index) => {
      const name = queues[index] ?? '';
      return info === null ? [] : [{ name, messages: info.messages, consumers: info.consumers }];
    });
  }

  /** Deletes every queue of the project that holds nothing a person could still want. */
  async removeEmpty(): Promise<void> {
    if (!this.connected) return;
    await Promise.all(this.#consumptions.map((consumption) => consumption.cancel()));
    const { names } = this;
    const worthless = [
      names.claims,
      names.heartbeats,
      names.identity,
      names.tickets,
      ...this.#capabilities().map((capability) => names.ticketsFor(capability)),
    ];
    const kept = [names.results, names.submit, names.dead, ...this.#options.agents().map((agent) => names.inbox(agent))];
    await this.#connection.withChannel(async (channel) => {
      for (const queue of worthless) await channel.deleteQueue(queue);
      for (const queue of kept) {
        const info = await this.#connection.queueInfo(queue);
        if (info !== null && info.messages === 0) await channel.deleteQueue(queue, { ifEmpty: true });
      }
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
