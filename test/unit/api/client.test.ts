import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { connect } from '../../../src/api/client.ts';
import { Frames } from '../../../src/api/event-reader.ts';
import { SwarmError, toErrorDocument } from '../../../src/domain/errors.ts';

const at = (apiSocket: string) => ({
  name: 'shop',
  apiSocket,
  supervisorPidFile: '/nonexistent',
  tmuxSocket: '/nonexistent',
});

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

const test = base
  .extend('dir', async ({}, { onCleanup }) => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-client-'));
    onCleanup(() => rm(dir, { recursive: true, force: true }));
    return dir;
  })
  .extend('socket', ({ dir }) => path.join(dir, 'api.sock'))
  .extend('serve', ({ socket }, { onCleanup }) => {
    const servers: http.Server[] = [];
    onCleanup(async () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
        if (server.listening) await once(server, 'close');
      }
    });
    return async (handler: Handler): Promise<void> => {
      const server = http.createServer((request, response) => {
        const parts: Buffer[] = [];
        request.on('data', (part: Buffer) => parts.push(part));
        request.on('end', () => handler(request, response, Buffer.concat(parts).toString()));
      });
      servers.push(server);
      server.listen(socket);
      await once(server, 'listening');
    };
  });

async function failure(promise: Promise<unknown>): Promise<SwarmError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SwarmError);
  return error as SwarmError;
}

function event(id: number): string {
  return `id: ${id}\nevent: task.done\ndata: ${JSON.stringify({ id, at: 't', name: 'task.done', agent: null, task: 't1', data: {} })}\n\n`;
}

describe('one call', () => {
  test('sends method, path and body, and gives the parsed answer', async ({ serve, socket }) => {
    await serve((request, response, body) => {
      response.end(JSON.stringify({ method: request.method, url: request.url, body: JSON.parse(body) as unknown }));
    });
    expect(await connect(at(socket)).work.rollback({ id: 'worker-1', n: 4 })).toEqual({
      method: 'POST',
      url: '/v1/agents/worker-1/rollback',
      body: { n: 4 },
    });
  });

  test('escapes what a person typed, so that it stays one step of the path', async ({ serve, socket }) => {
    await serve((request, response) => response.end(JSON.stringify({ url: request.url })));
    expect(await connect(at(socket)).tasks.show({ id: '../swarm/down?x' })).toEqual({
      url: '/v1/tasks/..%2Fswarm%2Fdown%3Fx',
    });
  });

  test('a question is asked in the query, and what is not said is not in it', async ({ serve, socket }) => {
    await serve((request, response) => response.end(JSON.stringify({ url: request.url, method: request.method })));
    const { tasks, checkpoints } = connect(at(socket));
    const asked = [
      await tasks.list(),
      await tasks.list({ state: 'done', limit: undefined }),
      await checkpoints.diff({ id: 'worker-1', n: 3, to: 4 }),
    ];
    expect(asked).toEqual([
      { method: 'GET', url: '/v1/tasks' },
      { method: 'GET', url: '/v1/tasks?state=done' },
      { method: 'GET', url: '/v1/checkpoints/worker-1/3/diff?to=4' },
    ]);
  });

  test("throws the supervisor's own error with code, hint and exit code", async ({ serve, socket }) => {
    const sent = new SwarmError('unknown-agent', 'there is no agent x', {
      hint: 'Did you mean y?',
      exitCode: 3,
      retrySafe: true,
    });
    await serve((_request, response) => response.writeHead(404).end(JSON.stringify(toErrorDocument(sent))));
    const got = await failure(connect(at(socket)).agents.show({ id: 'x' }));
    expect(toErrorDocument(got)).toEqual(toErrorDocument(sent));
  });

  test('an answer that is no document of ours is named as such', async ({ serve, socket }) => {
    await serve((_request, response) => response.writeHead(502).end('<html>'));
    expect(await failure(connect(at(socket)).status.show())).toMatchObject({ code: 'bad-answer', exitCode: 1 });
  });

  test('health is an answer even when it is bad', async ({ serve, socket }) => {
    await serve((_request, response) => response.writeHead(503).end('{"ok":false,"degraded":["broker"]}'));
    expect(await connect(at(socket)).health()).toEqual({ ok: false, degraded: ['broker'] });
  });

  test('gives up after its time and says that it may have happened', async ({ serve, socket }) => {
    await serve(() => undefined);
    const error = await failure(connect(at(socket), { timeoutMs: 50 }).tasks.merge({ id: 't1' }));
    expect(error).toMatchObject({ code: 'timeout', exitCode: 3, retrySafe: false });
  });

  test('a supervisor that dies during the call leaves it unconfirmed', async ({ serve, socket }) => {
    await serve((request) => request.socket.destroy());
    expect(await failure(connect(at(socket)).tasks.merge({ id: 't1' }))).toMatchObject({
      code: 'connection-lost',
      exitCode: 3,
      retrySafe: false,
    });
    expect(await failure(connect(at(socket)).status.show())).toMatchObject({ retrySafe: true });
  });

  test("an aborted call throws the signal's own reason", async ({ serve, socket }) => {
    const controller = new AbortController();
    await serve(() => controller.abort(new Error('enough')));
    await expect(connect(at(socket), { signal: controller.signal }).status.show()).rejects.toThrow('enough');
  });
});

describe('a supervisor that is down', () => {
  test('is told from a missing socket, a stale one and a plain file', async ({ socket }) => {
    const down = { code: 'supervisor-down', hint: 'Run `swarm up`.', retrySafe: true };
    expect(await failure(connect(at(socket)).status.show())).toMatchObject(down);
    await leaveStaleSocket(socket);
    expect(await failure(connect(at(socket)).status.show())).toMatchObject(down);
    await rm(socket, { force: true });
    await writeFile(socket, '');
    expect(await failure(connect(at(socket)).status.show())).toMatchObject(down);
  });
});

describe('a supervisor that holds the lock', () => {
  const isLocked = async (): Promise<boolean> => true;

  test('is never said to be down', async ({ socket }) => {
    expect(await failure(connect(at(socket), { isLocked }).status.show())).toMatchObject({
      code: 'supervisor-unreachable',
      message: `the supervisor of shop is there, but does not answer at ${socket}`,
      retrySafe: true,
    });
    const free = { isLocked: async () => false, patienceMs: 60_000 };
    expect(await failure(connect(at(socket), free).status.show())).toMatchObject({ code: 'supervisor-down' });
  });

  test('is waited for, and looked for where it says it is by then', async ({ dir, serve, socket }) => {
    let asked = 0;
    const place = async () => at(++asked < 3 ? path.join(dir, 'elsewhere') : socket);
    await serve((_request, response) => response.end('{"version":"1"}'));
    expect(await connect(place, { isLocked, patienceMs: 10_000 }).status.show()).toEqual({ version: '1' });
  });
});

/** Makes a socket file whose owner is gone: the server listens under another name, which is then renamed. */
async function leaveStaleSocket(socket: string): Promise<void> {
  const { rename } = await import('node:fs/promises');
  const server = net.createServer().listen(`${socket}.1`);
  await once(server, 'listening');
  await rename(`${socket}.1`, socket);
  server.close();
  await once(server, 'close');
}

describe('events', () => {
  test('come in order, begin after Last-Event-ID, and end with the stream', async ({ serve, socket }) => {
    await serve((request, response) => {
      expect(request.headers['last-event-id']).toBe('6');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`: alive\n\n${event(7).slice(0, 20)}`);
      response.end(event(7).slice(20) + event(8));
    });
    const ids: number[] = [];
    for await (const { id } of connect(at(socket)).events({ lastEventId: 6 })) ids.push(id);
    expect(ids).toEqual([7, 8]);
  });

  test('end quietly when the reader has enough, and free the connection', async ({ serve, socket }) => {
    const closed = Promise.withResolvers<boolean>();
    await serve((_request, response) => {
      response.on('close', () => closed.resolve(true));
      response.write(event(1));
    });
    const controller = new AbortController();
    for await (const { id } of connect(at(socket)).events({ signal: controller.signal })) {
      expect(id).toBe(1);
      controller.abort();
    }
    expect(await closed.promise).toBe(true);
  });

  test('leaving the loop frees the connection too', async ({ serve, socket }) => {
    const closed = Promise.withResolvers<boolean>();
    await serve((_request, response) => {
      response.on('close', () => closed.resolve(true));
      response.write(event(1));
    });
    for await (const { id } of connect(at(socket)).events()) if (id === 1) break;
    expect(await closed.promise).toBe(true);
  });

  test('a stream that breaks off is an error', async ({ serve, socket }) => {
    await serve((request, response) => {
      response.write(event(1), () => request.socket.destroy());
    });
    const read = async (): Promise<void> => {
      for await (const _event of connect(at(socket)).events());
    };
    expect(await failure(read())).toMatchObject({ code: 'connection-lost' });
  });

  base('frames may be cut anywhere, have any line end and more than one data line', () => {
    const text = 'id: 1\r\ndata: {"id":1,\r\ndata: "name":"a"}\r\n\r\n: note\n\ndata:{"id":2}\n\n';
    for (let cut = 0; cut <= text.length; cut += 1) {
      const frames = new Frames();
      expect([...frames.push(text.slice(0, cut)), ...frames.push(text.slice(cut))]).toEqual([
        { id: 1, name: 'a' },
        { id: 2 },
      ]);
    }
  });
});
