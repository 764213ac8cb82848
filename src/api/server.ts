import { chmod, rm } from 'node:fs/promises';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import * as z from 'zod';
import { SwarmError, toErrorDocument } from '../domain/errors.ts';
import { listenAt } from '../lib/unix-socket.ts';
import { eventQuery, type EventsService } from './events/schemas.ts';
import { endpoints } from './endpoints.ts';
import { EventStream } from './event-stream.ts';
import type { SwarmService } from './service.ts';
import { openapi } from './openapi.ts';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
/** Keys of tasks may be in a path; the library's own limit is 100. */
const MAX_PARAM_LENGTH = 1_000;

/** The supervisor's HTTP on a Unix socket (0600). */
export class ApiServer {
  readonly #app: FastifyInstance;
  readonly #events: EventsService;
  readonly #streams = new Set<EventStream>();

  constructor(service: SwarmService, onProblem: (error: unknown) => void) {
    this.#events = service.events;
    this.#app = fastify({
      logger: false,
      bodyLimit: BODY_LIMIT_BYTES,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
      // A path that cannot be decoded meets no route, hence not the handler below.
      frameworkErrors: (error, _request, reply: FastifyReply) =>
        void reply.code(statusOf(error)).send(toErrorDocument(presentable(error))),
    });
    this.#app.setErrorHandler(async (error, request, reply) => {
      if (!(error instanceof SwarmError) && !(error instanceof z.ZodError) && statusOf(error) >= 500) onProblem(error);
      await reply.code(statusOf(error, hasId(request.params))).send(toErrorDocument(presentable(error)));
    });
    this.#app.setNotFoundHandler(async (request, reply) => {
      const error = new SwarmError('no-route', `the API has no ${request.method} ${request.url}`, {
        hint: 'See /openapi.json.',
      });
      await reply.code(404).send(toErrorDocument(error));
    });
    for (const { method, path, takes, handle } of endpoints) {
      this.#app.route({
        method,
        url: path,
        handler: async (request, reply) => {
          const input = takes.parse(method === 'GET' ? request.query : (request.body ?? {}));
          const answer = await handle(service, input, (request.params ?? {}) as Record<string, string>);
          await reply.code(200).send(answer ?? {});
        },
      });
    }
    this.#app.get('/v1/events', async (request, reply) => {
      // A request for JSON alone gets a page of the history, which ends; any other the stream.
      if (request.headers.accept !== 'application/json') return this.#stream(request, reply, onProblem);
      const { after, limit } = eventQuery.parse(request.query);
      return await reply.send(service.events.past.after(after, limit));
    });
    this.#app.get('/health', async (_request, reply) => {
      const health = service.status.health();
      await reply.code(health.ok ? 200 : 503).send(health);
    });
    this.#app.get('/metrics', async (_request, reply) => {
      await reply.type('text/plain; version=0.0.4').send(await service.status.metrics());
    });
    this.#app.get('/openapi.json', async () => openapi(endpoints));
  }

  async listen(socketPath: string): Promise<void> {
    // The caller holds the supervisor's lock, so an existing socket file is a dead supervisor's.
    await rm(socketPath, { force: true });
    await this.#app.listen({ path: socketPath });
    await chmod(socketPath, 0o600);
  }

  /** Listens again after the socket was removed. Calls and streams survive that. */
  async listenAgain(socketPath: string): Promise<void> {
    await listenAt(this.#app.server, socketPath);
  }

  #stream(request: FastifyRequest, reply: FastifyReply, onProblem: (error: unknown) => void): void {
    reply.hijack();
    const stream = new EventStream(reply.raw, this.#events);
    this.#streams.add(stream);
    reply.raw.on('close', () => this.#streams.delete(stream));
    const last = Number.parseInt(String(request.headers['last-event-id']), 10);
    stream.begin(Number.isNaN(last) ? null : last).catch((error: unknown) => {
      onProblem(error);
      reply.raw.destroy();
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
  // Errors of the HTTP library: a body that is no JSON, or too long.
  if (error instanceof Error && !(error instanceof SwarmError) && statusOf(error) < 500) {
    return new SwarmError('bad-request', error.message, { exitCode: 2, cause: error });
  }
  return error;
}

function hasId(params: unknown): boolean {
  return typeof params === 'object' && params !== null && 'id' in params;
}

/**
 * The HTTP status for an error's code; an unknown code of swarm is a conflict with the present state.
 * @param named the path names a thing: an unknown one is that thing, and not one in the body
 */
function statusOf(error: unknown, named = false): number {
  if (error instanceof z.ZodError) return 400;
  if (!(error instanceof SwarmError)) {
    const status = (error as { statusCode?: unknown }).statusCode;
    return typeof status === 'number' ? status : 500;
  }
  if (error.code.startsWith('unknown-')) return named ? 404 : 400;
  if (error.exitCode === 2) return 400;
  if (error.code === 'too-many-tasks') return 429;
  if (error.exitCode === 3) return 504;
  // The disk or the supervisor itself cannot do it now; the request is correct.
  if (error.code === 'disk-full' || error.code === 'supervisor-down' || error.code.startsWith('store-')) return 503;
  return 409;
}
