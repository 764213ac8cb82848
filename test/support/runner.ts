import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { AmqpConnection } from '../../src/amqp/index.ts';
import { Bus } from '../../src/coordination/bus.ts';
import type { TaskOrder } from '../../src/coordination/messages.ts';
import { amqpNames } from '../../src/coordination/names.ts';

export interface TaskRunnerOptions {
  /** With user and password. */
  url: string;
  /** Hash of the project: prefix of every queue. */
  project: string;
  /** Must not be the name of an agent of the swarm. */
  agent: string;
  /** The work of one task; its summary. */
  work(order: TaskOrder): Promise<string> | string;
}

/** What a program needs to work for a swarm: the broker, and nothing else of the machine. */
export interface TaskRunner extends AsyncDisposable {
  /** Results that the broker has confirmed. */
  readonly done: number;
  /** Tickets that it was woken by. */
  readonly tickets: number;
}

const CLAIM_TIMEOUT_MS = 5_000;
/** The claim may overtake the result of the task before it. */
const OVERTAKEN_MS = 2;
const NO_USAGE = { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };

/**
 * Consumes tickets, claims as an agent of kind claude, reports a result, and claims again until there is nothing to
 * claim. One task at a time; everything confirmed, as the wrapper does it.
 */
export async function startTaskRunner({ url, project, agent, work }: TaskRunnerOptions): Promise<TaskRunner> {
  const names = amqpNames(project);
  const incarnation = randomUUID();
  const seen = { done: 0, tickets: 0 };
  const { promise: connected, resolve: isConnected } = Promise.withResolvers<void>();
  const connection = AmqpConnection.open({
    url,
    name: `task runner ${agent}`,
    // What it uses was declared by the supervisor.
    setup: () => Promise.resolve(),
    onState: (state) => {
      if (state.status === 'connected') isConnected();
    },
  });
  const bus = new Bus({ connection, names, from: agent });

  const report = async (order: TaskOrder, startedAt: string): Promise<void> => {
    const { task, attempt } = order;
    const summary = await work(order);
    const result = {
      task,
      attempt,
      agent,
      outcome: 'done' as const,
      errorClass: null,
      error: null,
      summary,
      commit: null,
      branch: null,
      sessionId: null,
      usage: NO_USAGE,
      startedAt,
      endedAt: new Date().toISOString(),
    };
    await bus.publish('task.result', result, { queue: names.results });
    seen.done += 1;
  };

  let last = '';
  const workOff = async (): Promise<void> => {
    for (;;) {
      const reply = await bus.claim(
        { agent, kind: 'claude', capabilities: [], slot: 0, incarnation },
        CLAIM_TIMEOUT_MS,
      );
      if (reply.got === 'none') return;
      const key = `${reply.order.task}/${reply.order.attempt}`;
      if (key === last) {
        await pause(OVERTAKEN_MS);
        continue;
      }
      last = key;
      await report(reply.order, new Date().toISOString());
    }
  };

  await connected;
  // The first claim is in vain: it tells the supervisor that somebody is free.
  await workOff();
  bus.consume(names.tickets, 'task.ticket', async () => {
    seen.tickets += 1;
    await workOff();
    return 'ack';
  });
  return {
    get done() {
      return seen.done;
    },
    get tickets() {
      return seen.tickets;
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
