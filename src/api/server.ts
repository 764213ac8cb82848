import { chmod, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import * as z from 'zod';
import { SwarmError, toErrorDocument } from '../domain/errors.ts';
import { eventQuery } from './bodies.ts';
import type { EventDocument } from './documents.ts';
import { routes } from './routes.ts';
import type { SwarmService } from './service.ts';
import { openapi } from './openapi.ts';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
/** Comment lines on an idle stream, so that a dead reader is noticed. */
const KEEP_ALIVE_MS = 15_000;
/** A reader that lets so much pile up is cut off; it resumes by Last-Event-ID. */
const STREAM_BUFFER_LIMIT_BYTES = 1024 * 1024;
const REPLAY_LIMIT = 1_000;

/** The supervisor's HTTP on a Unix socket (0600). */
export class ApiServer {
  readonly #app: FastifyInstance;
  readonly #service: SwarmService;
  readonly #streams = new Set<ServerResponse>();

  constructor(service: SwarmService, onProblem: (error: unknown) => void) {
    this.#service = service;
    this.#app = fastify({ logger: false, bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
    this.#app.setErrorHandler(async (error, _request, reply) => {
      if (!(error instanceof SwarmError) && !(error instanceof z.ZodError) && statusOf(error) >= 500) onProblem(error);
      await reply.code(statusOf(error)).send(toErrorDocument(presentable(error)));
    });
    this.#app.setNotFoundHandler(async (request, reply) => {
      const error = new SwarmError('no-route', `the API has no ${request.method} ${request.url}`, {
        hint: 'See /openapi.json.',
      });
      await reply.code(404).send(toErrorDocument(error));
    });
    for (const route of routes) {
      this.#app.route({
        method: route.method,
        url: route.path,
        handler: async (request, reply) => {
          const input = (route.method === 'GET' ? request.query : (request.body ?? {})) as unknown;
          const parsed = route.input.parse(input) as never;
          const answer = await route.handle(service, parsed, (request.params ?? {}) as Record<string, string>);
          await reply.code(200).send(answer ?? {});
        },
      });
    }
    this.#app.get('/v1/events', async (request, reply) => {
      // Who asks for JSON alone wants a page of the history, with an end; everybody else the stream.
      if (request.headers.accept !== 'application/json') return this.#stream(request, reply);
      const { after, limit } = eventQuery.parse(request.query);
      return await reply.send(service.eventsAfter(after, limit));
    });
    this.#app.get('/health', async (_request, reply) => {
      const health = service.health();
      await reply.code(health.ok ? 200 : 503).send(health);
    });
    this.#app.get('/metrics', async (_request, reply) => {
      await reply.type('text/plain; version=0.0.4').send(await service.metrics());
    });
    this.#app.get('/openapi.json', async () => openapi(routes));
  }

  async listen(socketPath: string): Promise<void> {
    // The caller holds the supervisor's lock, so a socket file that is there belongs to a dead one.
    await rm(socketPath, { force: true });
    await this.#app.listen({ path: socketPath });
    await chmod(socketPath, 0o600);
  }

  /** First what happened since `Last-Event-ID`, then each event as it comes, without a gap between the two. */
  #stream(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.#streams.add(response);
    let sent = Number(request.headers['last-event-id'] ?? Number.NaN);
    const write = (event: EventDocument): void => {
      if (event.id <= sent) return;
      sent = event.id;
      response.write(`id: ${event.id}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`);
      if (response.writableLength > STREAM_BUFFER_LIMIT_BYTES) response.destroy();
    };
    const replay = Number.isNaN(sent) ? [] : this.#service.eventsAfter(sent, REPLAY_LIMIT);
    for (const event of replay) write(event);
    const unsubscribe = this.#service.subscribe(write);
    const keepAlive = setInterval(() => response.write(': alive\n\n'), KEEP_ALIVE_MS);
    response.on('close', () => {
      clearInterval(keepAlive);
      unsubscribe();
      this.#streams.delete(response);
    });
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.end();
    await this.#app.close();
  }
}

function presentable(error: unknown): unknown {
  if (error instanceof z.ZodError) {
    return new SwarmError('bad-request', z.prettifyError(error).replaceAll('\n', ' '), { exitCode: 2, cause: error });
  }
  return error;
}

/** Which HTTP status an error's code means; anything unknown of ours is a conflict with the present state. */
function statusOf(error: unknown): number {
  if (error instanceof z.ZodError) return 400;
  if (!(error instanceof SwarmError)) {
    const status = (error as { statusCode?: unknown }).statusCode;
    return typeof status === 'number' ? status : 500;
  }
  if (error.code.startsWith('unknown-')) return 404;
  if (error.exitCode === 2) return 400;
  if (error.code === 'too-many-tasks') return 429;
  if (error.exitCode === 3) return 504;
  return 409;
}
