import type { EventDocument } from '../../../src/api/events/schemas.ts';
import type { NeedsYou } from '../../../src/api/agents/schemas.ts';
import type { StatusDocument } from '../../../src/api/status/schemas.ts';
import type { Task } from '../../../src/domain/task-document.ts';
import { Dash } from '../../../src/dashboard/dash.ts';
import type { Orders } from '../../../src/dashboard/effects.ts';
import { Feed, type Source } from '../../../src/dashboard/feed.ts';
import { NOTHING, type Model } from '../../../src/dashboard/model.ts';
import { unpainted } from '../../../src/dashboard/text.ts';
import {
  fakeAgent,
  fakePermission,
  fakeQuestion,
  fakeStatus,
  fakeTask,
} from '../../integration/dashboard/fake-supervisor.ts';

export const NOW = Date.parse('2026-01-01T12:30:00.000Z');

export function event(id: number, name = 'task.progress'): EventDocument {
  return { id, at: '2026-01-01T12:00:00.000Z', name, agent: 'worker-1', task: 't1', data: { text: `step ${id}` } };
}

export function model(more: Partial<Model> = {}, needsYou: NeedsYou[] = []): Model {
  const status = fakeStatus(
    Array.from({ length: 30 }, (_, at) => fakeAgent(`worker-${at + 1}`)),
    { needsYou },
  );
  const tasks = Array.from({ length: 30 }, (_, at) => fakeTask(`t${at + 1}`, `Task number ${at + 1}`));
  const events = Array.from({ length: 30 }, (_, at) => event(30 - at));
  return { ...NOTHING, status, tasks, events, ...more };
}

/** Thirty of everything, and thirty requests for the person, the sixteenth of which is a question in words. */
export function fullModel(): Model {
  const needsYou = Array.from({ length: 30 }, (_, at) =>
    fakePermission(`worker-${at + 1}`, `p${at + 1}`, `npm run step-${at + 1}`),
  );
  needsYou[15] = fakeQuestion('worker-16', 'q16', 'Tabs or spaces?');
  return model({}, needsYou);
}

/** A source that a test controls. */
export class HandSource implements Source {
  state: Model;
  looks = 0;
  failure: Error | null = null;
  /** The event after which the last stream was wanted. */
  askedAfter: number | undefined;
  #wake: (() => void) | null = null;
  readonly #queue: EventDocument[] = [];

  constructor(state: Model) {
    this.state = state;
  }

  readonly status = {
    show: async (): Promise<StatusDocument> => {
      this.looks += 1;
      if (this.failure !== null) throw this.failure;
      if (this.state.status === null) throw new Error('a test has to say what the status is');
      return this.state.status;
    },
  };

  readonly tasks = { list: async (): Promise<Task[]> => [...this.state.tasks] };

  emit(...events: EventDocument[]): void {
    this.#queue.push(...events);
    this.#wake?.();
  }

  async *events(options: Parameters<Source['events']>[0]): AsyncGenerator<EventDocument> {
    const { signal, onOpen, lastEventId } = options;
    this.askedAfter = lastEventId;
    onOpen();
    while (!signal.aborted) {
      yield* this.#queue.splice(0);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
  }
}

export interface Ordered {
  orders: Orders;
  given: unknown[][];
}

/** Takes every order, or refuses each. */
export function orders(refusal: Error | null = null): Ordered {
  const given: unknown[][] = [];
  const take = async (...words: unknown[]): Promise<void> => {
    given.push(words);
    if (refusal !== null) throw refusal;
  };
  return {
    given,
    orders: {
      agents: {
        answer: ({ id, ...request }) => take('answer', id, request),
        pause: ({ id }) => take('pause', id).then(() => fakeAgent(id)),
        resume: ({ id }) => take('resume', id).then(() => fakeAgent(id)),
        restart: ({ id }) => take('restart', id).then(() => fakeAgent(id)),
        stop: ({ id }) => take('stop', id).then(() => fakeAgent(id)),
      },
      work: { remove: ({ id }) => take('rm', id).then(() => ({ agent: id, worktree: '', checkpoint: null })) },
      messages: { send: ({ id, text }) => take('send', id, text).then(() => ({ id: 'm1', receipt: 'queued' })) },
      swarm: {
        up: ({ workers } = {}) =>
          take('scale', workers).then(() => ({
            agents: [],
            base: { branch: 'main', commit: '' },
            notes: [],
            wanted: [],
          })),
      },
      tasks: {
        add: ((task: unknown) =>
          take('task', task).then(() => ({ id: 't99', existing: false }))) as Orders['tasks']['add'],
        cancel: ({ id }) => take('cancel', id).then(() => fakeTask(id, '')),
        retry: ({ id }) => take('retry', id).then(() => fakeTask(id, '')),
      },
    },
  };
}

/** A dashboard over a model that never changes. */
export function dashOver(state: Model, given: Ordered = orders()): Dash {
  const feed = new Feed({ source: new HandSource(state) });
  Object.defineProperty(feed, 'model', { get: () => state });
  return new Dash({ feed, orders: given.orders, paint: unpainted, now: () => NOW });
}
