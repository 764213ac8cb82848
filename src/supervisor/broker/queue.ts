import type { Logger } from 'pino';
import { AmqpConnection, type AmqpState, type Consumption, type Outcome } from '../../amqp/index.ts';
import { Bus } from '../../coordination/bus.ts';
import { copyMessages, returnMessages } from '../../coordination/copies.ts';
import type { ClaimReply, Heartbeat, Payload, TaskResult } from '../../coordination/messages.ts';
import { amqpNames, type AmqpNames } from '../../coordination/names.ts';
import { personalCapability, SHELL_CAPABILITY } from '../../coordination/tickets.ts';
import { declareTopology } from '../../coordination/topology.ts';
import { SwarmError } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { coalesce } from '../../lib/coalesce.ts';

const RESULT_PREFETCH = 64;
const CLAIM_PREFETCH = 64;
const SUBMIT_PREFETCH = 16;
/** Pause between two tries to store a message while the store cannot write, ms. */
const FULL_PAUSE_MS = 1_000;
/** How long a broker may take to answer before it counts as hung, ms. */
const PATIENCE_MS = 1_000;
const REMOVAL_MS = 10_000;
/** Many dead letters of one moment are copied together, ms. */
const COPY_MS = 200;
/** How often, and how long each time, ms, a claim waits for results that came before it. */
const BACKLOG_LOOKS = 50;
const BACKLOG_LOOK_MS = 20;

export interface QueueDeps {
  project: string;
  log: Logger;
  /** Where the private node keeps copies of what only it holds; null: the node is not swarm's. */
  copies: { copies: string; rescued: string } | null;
  agents(): string[];
  capabilities(): string[];
  onState(state: AmqpState): void;
}

/** Handlers of the messages from the broker. */
export interface QueueHandlers {
  claim(claim: Payload<'task.claim'>): Promise<ClaimReply>;
  result(result: TaskResult): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  /**
   * Stores a task. Keyed by the message id, so that a redelivery adds nothing.
   * @throws SwarmError that says why it is refused
   */
  submit(task: Payload<'task.submit'>, messageId: string): Promise<void>;
}

/** The supervisor's side of the broker: the queues that it consumes, and the tickets that it publishes. */
export class SupervisorQueue {
  readonly names: AmqpNames;
  readonly bus: Bus;
  readonly #connection: AmqpConnection;
  readonly #deps: QueueDeps;
  readonly #copyDead = coalesce(() => void this.#copyDeadLetters(), COPY_MS);
  #consumptions: Consumption[] = [];
  /**
   * By agent, for this connection: resolves when the results that its incarnation sent before its first claim are
   * stored.
   */
  readonly #heard = new Map<string, { incarnation: string; results: Promise<void> }>();

  constructor(deps: QueueDeps) {
    this.#deps = deps;
    this.names = amqpNames(deps.project);
    this.#connection = AmqpConnection.open({
      url: null,
      name: `swarm supervisor ${deps.project}`,
      deadExchange: this.names.deadExchange,
      setup: (channel) =>
        declareTopology(channel, this.names, { agents: deps.agents(), capabilities: this.#capabilities() }),
      onState: (state) => {
        if (state.status !== 'connected') this.#heard.clear();
        deps.onState(state);
      },
      log: (level, message, fields) => deps.log[level](fields ?? {}, message),
    });
    this.bus = new Bus({ connection: this.#connection, names: this.names, from: 'supervisor' });
  }

  /** Takes messages from now on, whenever there is a broker. Called once. */
  serve(handlers: QueueHandlers): void {
    this.#consumptions = this.#consume(handlers);
  }

  #capabilities(): string[] {
    const personal = this.#deps.agents().map(personalCapability);
    return [...new Set([...this.#deps.capabilities(), SHELL_CAPABILITY, ...personal])];
  }

  #consume(handlers: QueueHandlers): Consumption[] {
    const { bus, names } = this;
    const { log } = this.#deps;
    const results = bus.consume(
      names.results,
      'task.result',
      (message) => this.#take(() => handlers.result(message.payload)),
      { prefetch: RESULT_PREFETCH, exclusive: true },
    );
    return [
      results,
      bus.serveClaims(async (claim) => {
        await this.#resultsHeard(claim, results);
        return await handlers.claim(claim);
      }, CLAIM_PREFETCH),
      bus.consume(
        names.heartbeats,
        'agent.heartbeat',
        async (message): Promise<Outcome> => {
          // The next heartbeat repeats it: none is worth a second try.
          await handlers
            .heartbeat(message.payload)
            .catch((error: unknown) => log.warn({ err: error }, 'a heartbeat could not be stored'));
          return 'ack';
        },
        { noAck: true, exclusive: true },
      ),
      this.#connection.consume(
        names.deadNews,
        async () => {
          this.#copyDead();
          return 'ack';
        },
        { noAck: true, exclusive: true },
      ),
      bus.consume(names.submit, 'task.submit', (message) => this.#submit(handlers, message.payload, message.id), {
        prefetch: SUBMIT_PREFETCH,
        exclusive: true,
      }),
    ];
  }

  /**
   * Waits for results that were sent before the claim. Otherwise a claim could be answered with the very task that such
   * a result ends, if its attempt was taken for lost: that of an earlier wrapper, or one that ended while no supervisor
   * listened. No claim waits for a result that cannot be read.
   */
  #resultsHeard({ agent, incarnation }: Payload<'task.claim'>, results: Consumption): Promise<void> {
    const known = this.#heard.get(agent);
    if (known?.incarnation === incarnation) return known.results;
    const heard = untilHeard(results);
    this.#heard.set(agent, { incarnation, results: heard });
    return heard;
  }

  async #submit(handlers: QueueHandlers, task: Payload<'task.submit'>, messageId: string): Promise<Outcome> {
    try {
      return await this.#take(() => handlers.submit(task, messageId));
    } catch (error) {
      if (!(error instanceof SwarmError)) throw error;
      // A task that is refused for good is kept with the reason.
      return { dead: `${error.message} ${error.hint ?? ''}`.trim() };
    }
  }

  /**
   * Stores a message. While the store cannot write, because it or the disk is full, the message waits in the queue,
   * however long: a result among the dead letters would be work lost.
   */
  async #take(store: () => Promise<void>): Promise<Outcome> {
    try {
      await store();
      return 'ack';
    } catch (error) {
      if (!(error instanceof SwarmError) || !error.retrySafe) throw error;
      this.#deps.log.warn({ err: error }, 'a message waits in its queue, since the store cannot take it now');
      await sleep(systemClock, FULL_PAUSE_MS);
      return 'requeue';
    }
  }

  get connected(): boolean {
    return this.#connection.state.status === 'connected';
  }

  setUrl(url: string | null): void {
    this.#connection.setUrl(url);
  }

  /** Declares the queues of new agents or capabilities. */
  async redeclare(): Promise<void> {
    if (!this.connected) return;
    const scope = { agents: this.#deps.agents(), capabilities: this.#capabilities() };
    await this.#connection.withChannel((channel) => declareTopology(channel, this.names, scope));
  }

  /**
   * Publishes what was copied from data that the node now running could not read, and copies what is there now: a crash
   * or a reboot leaves no time for it.
   */
  async takeBack(): Promise<void> {
    const { copies, project, log } = this.#deps;
    if (copies === null) return;
    const back = await returnMessages(this.#connection, this.names, { dir: copies.rescued, project });
    if (back.count > 0) log.info(back, 'messages of data that were put aside are back');
    if (back.unreadable !== null) log.error(back, 'some messages of data that were put aside cannot be read');
    this.#copyDead();
  }

  /** The other queues have consumers. */
  async #copyDeadLetters(): Promise<void> {
    const { copies, project, log } = this.#deps;
    if (copies === null || !this.connected) return;
    try {
      await copyMessages(this.#connection, this.names, { dir: copies.copies, project, queues: ['dead'] });
    } catch (error) {
      log.warn({ err: error }, 'the dead letters could not be copied');
    }
  }

  /** The depths of the queues; empty while there is no broker, or while it does not answer. */
  async depths(): Promise<{ name: string; messages: number; consumers: number }[]> {
    if (!this.connected) return [];
    const { names } = this;
    const queues = [names.submit, names.tickets, names.claims, names.results, names.dead];
    const infos = await within(this.#infos(queues), PATIENCE_MS);
    return infos.flatMap((info, index) => {
      const name = queues[index] ?? '';
      return info === null ? [] : [{ name, messages: info.messages, consumers: info.consumers }];
    });
  }

  /** Asks for all queues over one channel: opening one costs the broker several times as much as a question. */
  async #infos(queues: readonly string[]): Promise<({ messages: number; consumers: number } | null)[]> {
    try {
      const answers = await this.#connection.withChannel((channel) =>
        Promise.all(queues.map((queue) => channel.checkQueue(queue))),
      );
      return answers.map(({ messageCount, consumerCount }) => ({ messages: messageCount, consumers: consumerCount }));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
      // A missing queue ends the channel: then each is asked for by itself.
      return await Promise.all(queues.map((queue) => this.#connection.queueInfo(queue)));
    }
  }

  /**
   * Deletes every queue of the project without messages that a person could still want, and with the last one the
   * exchanges.
   * @param keepsSubmit whether tasks can be submitted while the project is down, if the node runs: it would confirm one
   * for which there is no queue, and drop it
   */
  async removeEmpty({ keepsSubmit }: { keepsSubmit: boolean }): Promise<void> {
    if (this.connected) await within(this.#removeEmpty(keepsSubmit), REMOVAL_MS);
  }

  async #removeEmpty(keepsSubmit: boolean): Promise<void> {
    await Promise.all(this.#consumptions.map((consumption) => consumption.cancel()));
    const { names } = this;
    const agents = this.#deps.agents();
    // Those of the submissions that are refused later.
    const kept = keepsSubmit ? [names.submit, names.dead] : [];
    let full = kept.length;
    for (const queue of [names.results, names.submit, names.dead, ...agents.map((agent) => names.inbox(agent))]) {
      if (kept.includes(queue)) continue;
      const info = await this.#connection.queueInfo(queue);
      if (info === null) continue;
      // A channel each: the deletion of a queue that fills up meanwhile is refused, which ends its channel.
      const gone = info.messages === 0 && (await this.#deleteEmpty(queue));
      if (!gone) full += 1;
    }
    await this.#connection.withChannel(async (channel) => {
      const worthless = [
        names.claims,
        names.heartbeats,
        names.deadNews,
        names.identity,
        names.tickets,
        ...this.#capabilities().map((name) => names.ticketsFor(name)),
      ];
      for (const queue of worthless) await channel.deleteQueue(queue);
      const exchanges = [names.ticketsExchange, names.brainstorm, names.status, names.alerts];
      // A consumer of a kept queue may still want to call a message dead.
      for (const exchange of full > 0 ? exchanges : [...exchanges, names.deadExchange])
        await channel.deleteExchange(exchange);
    });
  }

  async #deleteEmpty(queue: string): Promise<boolean> {
    try {
      await this.#connection.withChannel((channel) => channel.deleteQueue(queue, { ifEmpty: true }));
      return true;
    } catch (error) {
      this.#deps.log.info({ err: error, queue }, 'a queue was kept');
      return false;
    }
  }

  async close(): Promise<void> {
    this.#copyDead.cancel();
    await this.#connection.close();
  }
}

/** Waits for `work`, but only so long. @throws SwarmError `broker-silent`; the work goes on unwatched */
async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const done = new AbortController();
  const late = sleep(systemClock, ms, done.signal).then(() => {
    throw new SwarmError('broker-silent', `the broker has not answered for ${ms / 1000} s`, { retrySafe: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
    // The rejection of the loser is handled, not used.
    void Promise.allSettled([work, late]);
  }
}

async function untilHeard(results: Consumption): Promise<void> {
  for (let look = 0; look < BACKLOG_LOOKS; look += 1) {
    if ((await results.waiting()) === 0) return;
    await sleep(systemClock, BACKLOG_LOOK_MS);
  }
}
