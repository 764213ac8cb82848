import type { ClaimReply, Heartbeat, TaskOrder, TaskResult } from '../../../src/coordination/messages.ts';
import type { TaskSpec } from '../../../src/domain/task.ts';
import type { Claim, ClaimContext } from '../../../src/scheduler/claim.ts';
import { TaskEngine, type TaskEngineOptions } from '../../../src/scheduler/engine.ts';
import { Store } from '../../../src/store/store.ts';

/** An engine on a store in memory, with a clock that the test moves. */
export interface Kit {
  engine: TaskEngine;
  store: Store;
  clock: { time: number; now(): number };
}

export const LEASE_MS = 60_000;

export const context: ClaimContext = {
  leaseMs: LEASE_MS,
  decorate: () => ({ base: { branch: 'main', commit: 'c0ffee' }, verify: null, verifyFollowUps: 1 }),
};

export function kit(options: Partial<TaskEngineOptions> = {}): Kit {
  const clock = { time: Date.UTC(2030, 0, 1), now: () => clock.time };
  const store = Store.memory({ clock });
  const engine = new TaskEngine({
    store,
    random: () => 0.5,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  return { engine, store, clock };
}

export function spec(fields: Partial<TaskSpec> = {}): TaskSpec {
  return { title: 'a task', priority: 'normal', after: [], needs: [], retries: 2, ...fields };
}

export function claimOf(agent: string, fields: Partial<Claim> = {}): Claim {
  return { agent, kind: 'claude', capabilities: [], slot: 0, incarnation: `${agent}-1`, ...fields };
}

/** Claims and expects a task. */
export async function take(engine: TaskEngine, agent: string, fields: Partial<Claim> = {}): Promise<TaskOrder> {
  return orderOf(await engine.claim(claimOf(agent, fields), context));
}

export function orderOf(reply: ClaimReply): TaskOrder {
  if (reply.got === 'none') throw new Error(`no task: ${reply.reason}`);
  return reply.order;
}

export function resultOf(
  order: Pick<TaskOrder, 'task' | 'attempt'>,
  agent: string,
  fields: Partial<TaskResult> = {},
): TaskResult {
  return {
    task: order.task,
    attempt: order.attempt,
    agent,
    outcome: 'done',
    errorClass: null,
    error: null,
    summary: 'did it',
    commit: `commit-of-${order.task}`,
    branch: `swarm/task/${order.task}`,
    notes: [],
    sessionId: null,
    usage: { costUsd: 0.25, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 },
    startedAt: '2030-01-01T00:00:00.000Z',
    endedAt: '2030-01-01T00:00:01.000Z',
    ...fields,
  };
}

export function failureOf(
  order: Pick<TaskOrder, 'task' | 'attempt'>,
  agent: string,
  fields: Partial<TaskResult> = {},
): TaskResult {
  return resultOf(order, agent, {
    outcome: 'failed',
    errorClass: 'agent',
    error: 'it does not compile',
    commit: null,
    ...fields,
  });
}

export function heartbeatOf(
  agent: string,
  orders: readonly Pick<TaskOrder, 'task' | 'attempt'>[],
  phase: Heartbeat['attempts'][number]['phase'],
): Heartbeat {
  return { agent, incarnation: `${agent}-1`, attempts: orders.map(({ task, attempt }) => ({ task, attempt, phase })) };
}
