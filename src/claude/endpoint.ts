import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorText } from '../domain/errors.ts';
import { systemClock } from '../lib/clock.ts';
import { watchDrops } from './drops.ts';
import type { DropKind } from './drops.ts';
import type { ClaudeEvent } from './events.ts';
import { hookBodySchema, isHttpHook, toEvent } from './hooks.ts';
import { handleMcp } from './mcp.ts';
import { readUsage } from './otel.ts';
import { HeldPermissions } from './permissions.ts';
import type { PermissionDecision } from './permissions.ts';
import { readStatusLine } from './status-line.ts';
import type { ToolHandlers } from './tools.ts';
import type { OpenPermission } from './turn.ts';

/**
 * Not `import`: that copies every export of the module and so runs its lazy getters, one of which loads a whole
 * WebSocket client, which every wrapper would pay for at its start and in memory.
 */
const http = process.getBuiltinModule('node:http');

export type { PermissionDecision } from './permissions.ts';

export interface EndpointOptions {
  /** Bearer token that every request must carry. */
  token: string;
  /**
   * Directory (made 0700 if absent, owned by this endpoint) for the commands that cannot use HTTP: they drop
   * SessionStart and the status line there. The same path goes to `prepareLaunch`.
   */
  hookDir: string;
  /** Called in the order of arrival. A throw is logged, never passed on. */
  onEvent(event: ClaudeEvent): void;
  tools: ToolHandlers;
  /** Called before a tool runs; the tool waits for it, though no longer than `MOST_BEFORE_TOOL_MS`. */
  beforeTool?(tool: string, input: unknown): Promise<void>;
  /** Called before and after each tool: Claude Code neither goes on nor asks the model again until it resolves. */
  mayGoOn?(when: 'before' | 'after'): Promise<void>;
  /** Called when a tool is about to run or has run: a text that the model gets with its next request; null: none. */
  edge?(): string | null;
  log(message: string, facts?: Record<string, unknown>): void;
}

export interface Endpoint extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Requests that are held open now, oldest first. */
  pendingPermissions(): OpenPermission[];
  /** False when that request is not open: answered in the pane, gone, or never known. */
  decidePermission(requestId: string, decision: PermissionDecision): boolean;
  /**
   * Resolves once all dropped files were passed on. To be called between two processes: the last file of the dead one
   * would else be taken for the next one's.
   */
  drained(): Promise<void>;
  /** Held requests are released undecided: their dialogs stay in the pane. */
  close(): Promise<void>;
}

/** A tool's result is sent in the hook's body; no agent reads a file of this size at once. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/**
 * At this interval a held request gets a byte of white space (which JSON allows), so that it does not look dead to
 * Claude Code's HTTP client; ms.
 */
const HEARTBEAT_MS = 30_000;

/** Opens one loopback server for one agent: its hooks, its tools, its telemetry. */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { log } = options;
  const now = (): string => new Date().toISOString();
  const emit = (event: ClaudeEvent): void => {
    try {
      options.onEvent(event);
    } catch (error) {
      log('an event was not handled', { type: event.type, error: errorText(error) });
    }
  };
  const permissions = new HeldPermissions(emit, now);
  const context: Context = { ...options, permissions, emit, now };
  const expected = digest(`Bearer ${options.token}`);

  const server = http.createServer((request, response) => {
    serve(context, expected, request, response).catch((error: unknown) => {
      if (response.destroyed) return;
      if (error instanceof HttpError) return send(response, error.status, { error: error.message });
      log('a request failed', { path: request.url, error: errorText(error) });
      if (response.headersSent) response.destroy();
      else send(response, 500, { error: errorText(error) });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const drops = await watchDrops(options.hookDir, (kind, text) => onDrop(context, kind, text), log).catch(
    (error: unknown) => {
      server.close();
      throw error;
    },
  );

  const close = async (): Promise<void> => {
    await drops.close();
    permissions.releaseAll();
    if (!server.listening) return;
    server.close();
    server.closeIdleConnections();
    // Released requests get a moment to leave; other connections need no wait.
    const cancel = systemClock.after(200, () => server.closeAllConnections());
    await once(server, 'close');
    cancel();
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pendingPermissions: () => permissions.open(),
    decidePermission: (requestId, decision) => permissions.decide(requestId, decision),
    drained: () => drops.drained(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Context extends EndpointOptions {
  permissions: HeldPermissions;
  emit(event: ClaudeEvent): void;
  now(): string;
}

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function serve(
  context: Context,
  expected: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) throw new HttpError(401, 'no');
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const hook = /^\/hook\/(\w+)$/.exec(pathname)?.[1];
  const known = pathname === '/mcp' || pathname === '/v1/logs' || (hook !== undefined && isHttpHook(hook));
  if (!known) throw new HttpError(404, 'not found');
  if (request.method !== 'POST') throw new HttpError(405, 'POST only');
  const body = await readJson(request);
  if (hook !== undefined) return onHook(context, body, response);
  if (pathname === '/v1/logs') {
    for (const event of readUsage(body, context.now())) context.emit(event);
    return send(response, 200, {});
  }
  const reply = await handleMcp(body, context.tools);
  if (reply === null) response.writeHead(202).end();
  else send(response, 200, reply);
}

async function onHook(context: Context, raw: unknown, response: ServerResponse): Promise<void> {
  const body = hookBodySchema.parse(raw);
  if (body.hook_event_name === 'PermissionRequest') return holdPermission(context, body, response);
  context.permissions.observe(body);
  context.emit(toEvent(body, context.now()));
  if (STOPS.has(body.hook_event_name)) await beforeGoingOn(context, body);
  send(response, 200, atEdge(context, body.hook_event_name));
}

/** The hooks whose answer can bring a text to an agent in the middle of its turn. */
const EDGES = new Set(['PreToolUse', 'PostToolUse']);

function atEdge(context: Context, hookEventName: string): Record<string, unknown> {
  const additionalContext = EDGES.has(hookEventName) ? (context.edge?.() ?? null) : null;
  return additionalContext === null ? {} : { hookSpecificOutput: { hookEventName, additionalContext } };
}

/** The hook fails open after ten seconds in any case; an answer before that spares Claude Code's complaint. */
const MOST_BEFORE_TOOL_MS = 8_000;
/** The hooks after which Claude Code may ask the model again. */
const STOPS: ReadonlySet<string> = new Set(['PreToolUse', 'PostToolUse', 'PostToolUseFailure']);

async function beforeGoingOn(context: Context, body: ReturnType<typeof hookBodySchema.parse>): Promise<void> {
  const isBefore = body.hook_event_name === 'PreToolUse';
  const first = isBefore ? context.beforeTool?.(body.tool_name ?? '', body.tool_input) : undefined;
  const work = Promise.all([first, context.mayGoOn?.(isBefore ? 'before' : 'after')]);
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const cancel = systemClock.after(MOST_BEFORE_TOOL_MS, resolve);
  const done = work.catch((error: unknown) => context.log('at the edge of a tool', { error: errorText(error) }));
  await Promise.race([done, enough]);
  cancel();
}

function holdPermission(
  context: Context,
  body: ReturnType<typeof hookBodySchema.parse>,
  response: ServerResponse,
): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(' ');
  const heartbeat = setInterval(() => response.write(' '), HEARTBEAT_MS);
  const requestId = context.permissions.hold(body, (reply) => {
    clearInterval(heartbeat);
    response.end(JSON.stringify(reply));
  });
  response.once('close', () => {
    clearInterval(heartbeat);
    context.permissions.gone(requestId);
  });
}

function onDrop(context: Context, kind: DropKind, text: string): void {
  try {
    const raw = JSON.parse(text) as unknown;
    if (kind === 'status-line') context.emit(readStatusLine(raw, context.now()));
    else context.emit(toEvent(hookBodySchema.parse(raw), context.now()));
  } catch (error) {
    context.log('a dropped file cannot be read', { kind, error: errorText(error) });
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new HttpError(413, 'too large');
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw new HttpError(400, `not JSON: ${errorText(error)}`);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Digests have equal lengths, which the comparison in constant time needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
