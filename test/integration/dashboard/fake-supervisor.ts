import { mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import type { Agent, NeedsYou } from '../../../src/api/agents/schemas.ts';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import type { StatusDocument } from '../../../src/api/status/schemas.ts';
import type { Task } from '../../../src/domain/task-document.ts';
import { TASK_STATES, type TaskState } from '../../../src/domain/task.ts';

/** The API of a supervisor over a test's data, on a Unix socket. Orders are kept, and change nothing by themselves. */
export interface FakeSupervisor extends AsyncDisposable {
  status: StatusDocument;
  tasks: Task[];
  /** Each POST that came. */
  orders: { path: string; body: unknown }[];
  /** Sends an event to the listeners; the id is the next one. */
  emit(event: { name: string; agent?: string; task?: string; data?: Record<string, unknown>; at?: string }): void;
  /** Open event streams. */
  readonly listeners: number;
  /** The next orders are refused with this. */
  refusal: { code: string; message: string } | null;
  listen(): Promise<void>;
  /** Ends as if it had been killed. */
  close(): Promise<void>;
}

const AT = '2026-01-01T12:00:00.000Z';

export function fakeAgent(id: string, more: Partial<Agent> = {}): Agent {
  return {
    id,
    role: 'worker',
    kind: 'claude',
    status: 'idle',
    since: AT,
    reason: null,
    pid: 1,
    session: id,
    pane: '%1',
    worktree: `/repo.swarm/${id}`,
    portBase: 20_000,
    branch: null,
    task: null,
    sessionId: null,
    restarts: 0,
    checkpoint: null,
    costUsd: 0,
    tokens: 0,
    contextPercent: null,
    cpuPercent: null,
    rssBytes: null,
    lastActivityAt: null,
    ...more,
  };
}

export function fakeTask(id: string, title: string, more: Partial<Task> = {}): Task {
  return {
    id,
    title,
    kind: 'claude',
    state: 'ready',
    reason: null,
    priority: 'normal',
    prompt: null,
    command: null,
    after: [],
    on: null,
    needs: [],
    agent: null,
    timeoutMs: null,
    retries: 2,
    verify: null,
    budgetUsd: null,
    key: null,
    createdAt: AT,
    updatedAt: AT,
    attempts: [],
    result: null,
    ...more,
  };
}

export function fakePermission(agent: string, id: string, command: string): NeedsYou {
  return {
    id,
    agent,
    kind: 'permission',
    text: `Bash: ${command}`,
    task: null,
    tool: 'Bash',
    input: { command },
    since: AT,
  };
}

export function fakeQuestion(agent: string, id: string, text: string): NeedsYou {
  return { id, agent, kind: 'question', text, task: null, since: AT };
}

export function fakeStatus(agents: Agent[], more: Partial<StatusDocument> = {}): StatusDocument {
  const none = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>;
  return {
    version: '0.0.0',
    project: { hash: 'abc', name: 'shop', root: '/repo', base: { branch: 'main', commit: 'c'.repeat(40) } },
    supervisor: { state: 'up', pid: 1, since: AT, epoch: 1, buildId: 'b' },
    broker: { state: 'up', url: null, pid: 1, private: true, reason: null },
    config: null,
    agents,
    tasks: none,
    queues: [],
    needsYou: [],
    ...more,
  };
}

export function fakeSupervisor(socket: string, status: StatusDocument): FakeSupervisor {
  mkdirSync(path.dirname(socket), { recursive: true, mode: 0o700 });
  const streams = new Set<http.ServerResponse>();
  let server = http.createServer();
  let lastId = 0;
  const fake: FakeSupervisor = {
    status,
    tasks: [],
    orders: [],
    refusal: null,
    get listeners() {
      return streams.size;
    },
    emit({
      name,
      agent = null,
      task = null,
      data = {},
      at = new Date().toISOString(),
    }: {
      name: string;
      agent?: string | null;
      task?: string | null;
      data?: Record<string, unknown>;
      at?: string;
    }) {
      lastId += 1;
      const event: EventDocument = { id: lastId, at, name, agent, task, data };
      for (const stream of streams) stream.write(`id: ${event.id}\nevent: ${name}\ndata: ${JSON.stringify(event)}\n\n`);
    },
    async listen() {
      server = http.createServer((request, response) => void answer(fake, streams, request, response));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', reject).listen(socket, resolve);
      await promise;
    },
    async close() {
      for (const stream of streams) stream.destroy();
      server.closeAllConnections();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
    [Symbol.asyncDispose]: () => fake.close(),
  };
  return fake;
}

async function answer(
  fake: FakeSupervisor,
  streams: Set<http.ServerResponse>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const { pathname } = new URL(request.url ?? '/', 'http://swarm');
  const agent = /^\/v1\/agents\/([^/]+)$/.exec(pathname)?.[1];
  if (request.method === 'POST') {
    fake.orders.push({ path: pathname, body: await readBody(request) });
    if (fake.refusal !== null) send(409, { error: { ...fake.refusal, retrySafe: false, exitCode: 1 } });
    else
      send(
        200,
        pathname === '/v1/tasks' ? { id: 't9', existing: false } : { id: pathname.split('/')[3], receipt: 'queued' },
      );
  } else if (pathname === '/v1/swarm') send(200, fake.status);
  else if (pathname === '/v1/tasks') send(200, fake.tasks);
  else if (pathname === '/v1/agents') send(200, fake.status.agents);
  else if (agent !== undefined)
    send(
      200,
      fake.status.agents.find(({ id }) => id === agent),
    );
  else if (pathname === '/v1/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    streams.add(response);
    response.on('close', () => streams.delete(response));
  } else send(404, { error: { code: 'no-route', message: pathname, retrySafe: false, exitCode: 1 } });
}

async function readBody(request: http.IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString() || 'null');
}
