import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import { SupervisorLink } from '../../src/wrapper/link/supervisor-link.ts';
import { AmqpConnection } from '../../src/amqp/index.ts';
import { Bus } from '../../src/coordination/bus.ts';
import type { AgentSpec, WrapperSnapshot } from '../../src/coordination/link.ts';
import type { TaskOrder } from '../../src/coordination/messages.ts';
import { amqpNames } from '../../src/coordination/names.ts';
import { declareTopology } from '../../src/coordination/topology.ts';
import { NO_USAGE } from '../../src/domain/agent.ts';
import { identityOf } from '../../src/process/index.ts';
import { systemClock } from '../../src/lib/clock.ts';

export interface TaskRunnerOptions {
  /** The spec of the agent for which this stands in. */
  spec: AgentSpec;
  /** Does the work of one task; returns its summary. */
  work(order: TaskOrder): Promise<string> | string;
}

/** Takes tasks from the broker and reports their results, without worktree, git or any process of its own. */
export interface TaskRunner extends AsyncDisposable {
  /** Results that the broker has confirmed. */
  readonly done: number;
  /** Tickets that woke it. */
  readonly tickets: number;
}

const CLAIM_TIMEOUT_MS = 5_000;
/** Pause before a claim, which may overtake the result of the task before. */
const OVERTAKEN_MS = 2;

/**
 * Consumes tickets, claims, reports a result, and claims again until there is no task: one task at a time and
 * everything confirmed, as a wrapper does it. Over the link it says hello and nothing more, because the supervisor
 * gives tasks to its own agents only. Resolves when its first claim, which is in vain, has reported it free.
 */
export async function startTaskRunner({ spec, work }: TaskRunnerOptions): Promise<TaskRunner> {
  const { agent, project, kind, capabilities } = spec;
  const names = amqpNames(project);
  const snapshot = idleSnapshot(spec);
  const seen = { done: 0, tickets: 0 };
  const log = pino({ level: 'silent' });
  const connection = AmqpConnection.open({
    url: null,
    name: `task runner ${agent}`,
    setup: (channel) => declareTopology(channel, names, { agents: [agent], capabilities: [] }),
  });
  const { promise: welcomed, resolve: isWelcome } = Promise.withResolvers<void>();
  const link = new SupervisorLink({
    socketPath: spec.linkSocket,
    token: spec.token,
    snapshot: () => snapshot,
    order: () => Promise.resolve(null),
    welcome: ({ amqpUrl }) => {
      connection.setUrl(amqpUrl);
      isWelcome();
    },
    broker: (url) => connection.setUrl(url),
    gate: () => undefined,
    startSupervisor: () => undefined,
    clock: systemClock,
    log,
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
    const claim = { agent, kind, capabilities, slot: 0, incarnation: snapshot.incarnation };
    for (;;) {
      const reply = await bus.claim(claim, CLAIM_TIMEOUT_MS);
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

  link.start();
  await welcomed;
  await connection.whenConnected(60_000);
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
    [Symbol.asyncDispose]: async () => {
      await connection[Symbol.asyncDispose]();
      await link.close();
    },
  };
}

function idleSnapshot({ agent, kind, slots, buildId }: AgentSpec): WrapperSnapshot {
  const self = identityOf(process.pid);
  if (self === null) throw new Error('this process is not in the process table');
  const now = new Date().toISOString();
  return {
    agent,
    kind,
    slots,
    incarnation: randomUUID(),
    wrapper: self,
    buildId,
    startedAt: now,
    child: null,
    sessionId: null,
    transcriptPath: null,
    turn: 'ready',
    turnSince: now,
    lastProgressAt: null,
    tasks: [],
    needsYou: [],
    held: null,
    paused: false,
    restarts: 0,
    lastExit: null,
    failure: null,
    usage: NO_USAGE,
    contextPercent: null,
    branch: null,
    checkpoint: null,
    amqp: 'connected',
    spooled: [],
  };
}
