import type { AgentsClient, AnswerRequest } from '../api/agents/schemas.ts';
import type { MessagesClient } from '../api/messages/schemas.ts';
import type { UpDownClient } from '../api/swarm/schemas.ts';
import type { TasksClient } from '../api/tasks/schemas.ts';
import type { WorkClient } from '../api/reversible-work/schemas.ts';

export type AgentVerb = 'pause' | 'resume' | 'restart' | 'stop';
export type TaskVerb = 'cancel' | 'retry';

/** What a key or command does outside the dashboard. */
export type Effect =
  | { do: 'quit' }
  | { do: 'attach'; agent: string }
  | { do: 'answer'; agent: string; key: string; request: AnswerRequest }
  | { do: 'agents'; verb: AgentVerb; ids: readonly string[] }
  | { do: 'remove'; ids: readonly string[] }
  | { do: 'send'; agent: string; text: string }
  | { do: 'scale'; workers: number }
  | { do: 'add-task'; title: string }
  | { do: 'task'; verb: TaskVerb; id: string };

/** An effect that the supervisor carries out. */
export type Order = Exclude<Effect, { do: 'quit' | 'attach' }>;

/** The part that carries orders out: the client of the API is one. */
export interface Orders {
  agents: Pick<AgentsClient, 'answer' | AgentVerb>;
  messages: Pick<MessagesClient, 'send'>;
  swarm: Pick<UpDownClient, 'up'>;
  tasks: Pick<TasksClient, 'add' | TaskVerb>;
  work: Pick<WorkClient, 'remove'>;
}

/** Carries an order out. @returns what was done, for a person. @throws SwarmError as the supervisor answered it */
export async function carryOut(order: Order, orders: Orders): Promise<string> {
  switch (order.do) {
    case 'answer':
      await orders.agents.answer({ id: order.agent, ...order.request });
      return order.request.decision === 'text'
        ? `${order.agent}: answered`
        : `${order.agent}: ${order.request.decision} sent`;
    case 'agents':
      for (const id of order.ids) await orders.agents[order.verb]({ id });
      return `${order.ids.join(', ')}: ${order.verb} ordered`;
    case 'remove':
      for (const id of order.ids) await orders.work.remove({ id });
      return `${order.ids.join(', ')}: removed; to undo: swarm undo ${order.ids[0] ?? ''}`;
    case 'send':
      return `${order.agent}: message ${(await orders.messages.send({ id: order.agent, text: order.text })).receipt}`;
    case 'scale':
      await orders.swarm.up({ workers: order.workers, keepBase: true });
      return `scale to ${order.workers} ordered`;
    case 'add-task':
      return `task ${(await orders.tasks.add({ title: order.title })).id} added`;
    case 'task': {
      const task = await orders.tasks[order.verb]({ id: order.id });
      return `task ${task.id}: ${order.verb} ordered`;
    }
  }
}
