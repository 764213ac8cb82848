import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import { streamEvents } from '../../../src/api/event-reader.ts';
import { ApiServer } from '../../../src/api/server.ts';
import type { SwarmService } from '../../../src/api/service.ts';
import { SwarmError } from '../../../src/domain/errors.ts';
import { eventually } from '../../support/eventually.ts';

interface Answer {
  status: number;
  body: unknown;
}

type Parts = { readonly [Noun in keyof SwarmService]?: Partial<SwarmService[Noun]> };

/** A service with only the parts that a test gives. */
function serviceOf(parts: Parts): SwarmService {
  const named = (of: object, path: string): object =>
    new Proxy(of, {
      get: (target, name) =>
        Reflect.get(target, name) ??
        (() => {
          throw new Error(`no request should ask for ${path}.${String(name)}`);
        }),
    });
  const noun = (name: string): object => named(Reflect.get(parts, name) ?? {}, name);
  return new Proxy({}, { get: (_target, name) => noun(String(name)) }) as SwarmService;
}

/** Events as the supervisor keeps them: numbered from 1, passed on to listeners. */
class History {
  readonly all: EventDocument[] = [];
  readonly listeners = new Set<(event: EventDocument) => void>();
  reads = 0;

  keep(count: number, text = ''): void {
    for (let i = 0; i < count; i += 1) {
      this.all.push({
        id: this.all.length + 1,
        at: '2030-01-01T00:00:00.000Z',
        name: 'task.done',
        agent: null,
        task: null,
        data: { text },
      });
    }
  }

  tell(event: EventDocument): void {
    for (const listener of this.listeners) listener(event);
  }

  happen(text = ''): void {
    this.keep(1, text);
    const event = this.all.at(-1);
    if (event !== undefined) this.tell(event);
  }

  readonly service: Pick<SwarmService, 'events'> = {
    events: {
      past: {
        after: (id, limit) => {
          this.reads += 1;
          return this.all.slice(Math.max(0, id), Math.max(0, id) + limit);
        },
      },
      subscribe: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    },
  };
}

interface Place {
  socket: string;
  problems: unknown[];
  serve(parts: Parts): Promise<ApiServer>;
  call(method: string, route: string, body?: unknown): Promise<Answer>;
}

const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'swarm-api-'));
  const socket = path.join(directory, 'api.sock');
  const servers: ApiServer[] = [];
  const problems: unknown[] = [];
  onCleanup(async () => {
    for (const server of servers) await server.close();
    await rm(directory, { recursive: true });
  });
  return {
    socket,
    problems,
    async serve(parts) {
      const server = new ApiServer(serviceOf(parts), (error) => problems.push(error));
      servers.push(server);
      await server.listen(socket);
      return server;
    },
    call: (method, route, body) => call(socket, method, route, body),
  };
});

async function call(socket: string, method: string, route: string, body?: unknown): Promise<Answer> {
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
  const request = http.request({ socketPath: socket, method, path: route, headers });
  // A request that is refused in the middle of its body finds the connection closed; the answer comes all the same.
  request.on('error', () => undefined);
  request.end(payload);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += String(part);
  return { status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) };
}

test('only its owner may open the socket, and the socket of a dead supervisor is replaced', async ({ place }) => {
  const left = net.createServer();
  await new Promise<void>((resolve) => left.listen(place.socket, resolve));
  await place.serve({ agents: { list: async () => [] } });
  expect((await stat(place.socket)).mode & 0o777).toBe(0o600);
  await expect(place.call('GET', '/v1/agents')).resolves.toEqual({ status: 200, body: [] });
  left.close();
});

test.for<[SwarmError, number]>([
  [new SwarmError('unknown-agent', 'there is no agent worker-9', { exitCode: 2, hint: 'Did you mean worker-1?' }), 404],
  [new SwarmError('no-branch', 'name a branch', { exitCode: 2 }), 400],
  [new SwarmError('too-many-tasks', 'full', { retrySafe: true }), 429],
  [new SwarmError('no-ack', 'worker-1 did not confirm', { exitCode: 3 }), 504],
  [new SwarmError('not-done', 't1 is running'), 409],
  [new SwarmError('disk-full', 'the disk is full', { retrySafe: true }), 503],
])('an error of ours is answered with its document: %s', async ([error, status], { place }) => {
  await place.serve({ agents: { show: () => Promise.reject(error) } });
  const { code, message, hint, retrySafe, exitCode } = error;
  const answer = await place.call('GET', '/v1/agents/worker-9');
  expect(answer).toEqual({
    status,
    body: { error: { code, message, retrySafe, exitCode, ...(hint === undefined ? {} : { hint }) } },
  });
  expect(place.problems).toEqual([]);
});

test('a mistake in the supervisor is 500, without a stack trace, and is logged', async ({ place }) => {
  const bug = new TypeError('undefined is not a function');
  await place.serve({ agents: { list: () => Promise.reject(bug) } });
  const { status, body } = await place.call('GET', '/v1/agents');
  expect(status).toBe(500);
  expect(body).toEqual({ error: { code: 'internal', message: bug.message, retrySafe: false, exitCode: 1 } });
  expect(place.problems).toEqual([bug]);
});

test('a wrong body is 400 with the place and the reason', async ({ place }) => {
  await place.serve({});
  const wrong = [
    await place.call('POST', '/v1/swarm/up', { workers: 0 }),
    await place.call('POST', '/v1/swarm/up', { wrokers: 3 }),
    await place.call('POST', '/v1/tasks', { title: '' }),
    await place.call('GET', '/v1/tasks?state=finished'),
    await place.call('POST', '/v1/tasks', '{"title": '),
  ];
  expect(wrong.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  for (const { body } of wrong) expect(body).toMatchObject({ error: { code: 'bad-request', exitCode: 2 } });
  expect(JSON.stringify(wrong[0]?.body)).toContain('workers');
  expect(JSON.stringify(wrong[1]?.body)).toContain('wrokers');
  expect(JSON.stringify(wrong[3]?.body)).toContain('state');
  expect(place.problems).toEqual([]);
});

test('what is no route, no path or too long is refused with a document too', async ({ place }) => {
  await place.serve({});
  expect(await place.call('GET', '/v1/agent')).toMatchObject({
    status: 404,
    body: { error: { code: 'no-route', message: 'the API has no GET /v1/agent' } },
  });
  expect(await place.call('GET', '/v1/agents/%E0%A4%A')).toMatchObject({
    status: 400,
    body: { error: { code: 'bad-request' } },
  });
  const long = { title: 'x', prompt: 'x'.repeat(17 * 1024 * 1024) };
  expect(await place.call('POST', '/v1/tasks', long)).toMatchObject({
    status: 413,
    body: { error: { code: 'bad-request' } },
  });
});

test('a task is found by a key of any length, whatever is in it', async ({ place }) => {
  const asked: string[] = [];
  await place.serve({
    tasks: {
      show: async ({ id }) => {
        asked.push(id);
        return {} as never;
      },
    },
  });
  const key = `nightly/${'k'.repeat(190)}#ü`;
  expect((await place.call('GET', `/v1/tasks/${encodeURIComponent(key)}`)).status).toBe(200);
  expect(asked).toEqual([key]);
});

test('verbs that need no body take none', async ({ place }) => {
  const wanted: string[] = [];
  const want = (verb: string) => async (input: object) => {
    wanted.push(`${verb} ${JSON.stringify(input)}`);
    return {} as never;
  };
  await place.serve({ agents: { resume: want('resume'), pause: want('pause'), stop: want('stop') } });
  for (const verb of ['start', 'stop', 'pause', 'resume'])
    expect((await place.call('POST', `/v1/agents/worker-1/${verb}`)).status).toBe(200);
  expect(wanted).toEqual(['resume', 'stop', 'pause', 'resume'].map((verb) => `${verb} {"id":"worker-1"}`));
});

test('health is 503 while something is degraded', async ({ place }) => {
  let degraded: string[] = [];
  await place.serve({ status: { health: () => ({ ok: degraded.length === 0, degraded }) } });
  expect(await place.call('GET', '/health')).toEqual({ status: 200, body: { ok: true, degraded: [] } });
  degraded = ['broker absent'];
  expect(await place.call('GET', '/health')).toEqual({ status: 503, body: { ok: false, degraded } });
});

/** Ids as they come, until there are so many. */
async function ids(
  socket: string,
  lastEventId: number | undefined,
  count: number,
  onOpen?: () => void,
): Promise<number[]> {
  const seen: number[] = [];
  const ended = new AbortController();
  for await (const event of streamEvents(socket, { lastEventId, signal: ended.signal, onOpen })) {
    if (seen.length < count) seen.push(event.id);
    if (seen.length === count) ended.abort();
  }
  return seen;
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('a reader without a last event gets what comes from now on', async ({ place }) => {
  const history = new History();
  history.keep(5);
  await place.serve(history.service);
  const reading = ids(place.socket, undefined, 2);
  await eventually(() => history.listeners.size).toBe(1);
  history.happen();
  history.happen();
  expect(await reading).toEqual([6, 7]);
  await eventually(() => history.listeners.size).toBe(0);
});

test('a reader that comes back misses nothing and gets nothing twice, however long it was away', async ({ place }) => {
  const history = new History();
  history.keep(12_345, 'x'.repeat(1_000));
  await place.serve(history.service);
  const busy = setInterval(() => history.happen(), 1);
  try {
    const seen = await ids(place.socket, 300, 12_345 - 300 + 50);
    expect(seen).toEqual(upTo(301, 12_345 + 50));
  } finally {
    clearInterval(busy);
  }
});

test('events that are told out of order, or again after they were read, come once each', async ({ place }) => {
  const history = new History();
  history.keep(3);
  await place.serve(history.service);
  const reading = ids(place.socket, 1, 4);
  await eventually(() => history.listeners.size).toBe(1);
  history.keep(2);
  const [, second, third, fourth, fifth] = history.all;
  for (const event of [second, third, fifth, fourth]) if (event !== undefined) history.tell(event);
  expect(await reading).toEqual([2, 3, 5, 4]);
});

test('a reader that takes nothing is cut off, others and the supervisor go on', async ({ place }) => {
  const history = new History();
  await place.serve(history.service);
  const slow = net.connect(place.socket);
  slow.pause();
  slow.write('GET /v1/events HTTP/1.1\r\nhost: swarm\r\n\r\n');
  await eventually(() => history.listeners.size).toBe(1);
  const quick = ids(place.socket, undefined, 3_000);
  await eventually(() => history.listeners.size).toBe(2);
  for (let i = 0; i < 3_000; i += 1) {
    history.happen('x'.repeat(1_000));
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await quick).length).toBe(3_000);
  await eventually(() => history.listeners.size).toBe(0);
  slow.destroy();
});

test('a reader of the past that takes nothing does not fill the memory', async ({ place }) => {
  const history = new History();
  history.keep(50_000, 'x'.repeat(1_000));
  await place.serve(history.service);
  const slow = net.connect(place.socket);
  slow.pause();
  slow.write('GET /v1/events HTTP/1.1\r\nhost: swarm\r\nlast-event-id: 0\r\n\r\n');
  await eventually(() => history.reads).toBeGreaterThan(0);
  await expect(place.call('GET', '/v1/agent')).resolves.toMatchObject({ status: 404 });
  // A page is 0.5 MB; the buffers of the two sockets come on top.
  expect(history.reads).toBeLessThan(10);
  slow.destroy();
});

test('where its socket was removed it listens again; what was open goes on, and it can still be closed', async ({
  place,
}) => {
  const history = new History();
  const server = await place.serve({ ...history.service, agents: { list: async () => [] } });
  const reading = ids(place.socket, undefined, 2);
  await eventually(() => history.listeners.size).toBe(1);
  for (let round = 0; round < 2; round += 1) {
    await rm(place.socket);
    await server.listenAgain(place.socket);
    expect((await stat(place.socket)).mode & 0o777).toBe(0o600);
    await expect(place.call('GET', '/v1/agents')).resolves.toEqual({ status: 200, body: [] });
    history.happen();
  }
  expect(await reading).toEqual([1, 2]);
  await server.close();
  expect(existsSync(place.socket)).toBe(false);
});

test('a close ends the streams, and events that come after it do no harm', async ({ place }) => {
  const history = new History();
  const server = await place.serve(history.service);
  const reading = ids(place.socket, undefined, 1);
  await eventually(() => history.listeners.size).toBe(1);
  const told = [...history.listeners];
  const closing = server.close();
  for (const listener of told) listener({ id: 1, at: '', name: 'supervisor.ended', agent: null, task: null, data: {} });
  await closing;
  expect(history.listeners.size).toBe(0);
  await expect(reading).resolves.toEqual([]);
});
