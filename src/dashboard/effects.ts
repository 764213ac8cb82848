import type { NewTask } from '../api/client.ts';
import type { Agent } from '../api/agents/schemas.ts';
import type { Task } from '../domain/task-document.ts';
import type { TaskAddedDocument } from '../api/tasks/schemas.ts';
import type { UpDocument, UpRequest } from '../api/swarm/schemas.ts';
import type { AnswerRequest } from '../api/agents/schemas.ts';

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
  answer(agent: string, request: AnswerRequest): Promise<void>;
  setAgent(id: string, verb: AgentVerb): Promise<Agent>;
  remove(agent: string, force: boolean): Promise<{ worktree: string }>;
  send(agent: string, text: string): Promise<{ id: string; receipt: string }>;
  up(request: UpRequest): Promise<UpDocument>;
  addTask(task: NewTask): Promise<TaskAddedDocument>;
  cancelTask(id: string): Promise<Task>;
  retryTask(id: string): Promise<Task>;
}

/** Carries an order out. @returns what was done, for a person. @throws SwarmError as the supervisor answered it */
export async function carryOut(order: Order, orders: Orders): Promise<string> {
  switch (order.do) {
    case 'answer':
      await orders.answer(order.agent, order.request);
      return order.request.decision === 'text'
        ? `${order.agent}: answered`
        : `${order.agent}: ${order.request.decision} sent`;
    case 'agents':
      for (const id of order.ids) await orders.setAgent(id, order.verb);
      return `${order.ids.join(', ')}: ${order.verb} ordered`;
    case 'remove':
      for (const id of order.ids) await orders.remove(id, false);
      return `${order.ids.join(', ')}: removed; to undo: swarm undo ${order.ids[0] ?? ''}`;
    case 'send':
      return `${order.agent}: message ${(await orders.send(order.agent, order.text)).receipt}`;
    case 'scale':
      await orders.up({ workers: order.workers, keepBase: true });
      return `scale to ${order.workers} ordered`;
    case 'add-task':
      return `task ${(await orders.addTask({ title: order.title })).id} added`;
    case 'task': {
      const task = order.verb === 'cancel' ? await orders.cancelTask(order.id) : await orders.retryTask(order.id);
      return `task ${task.id}: ${order.verb} ordered`;
    }
  }
}
