import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep, systemClock } from '../lib/clock.ts';
import { readConversation } from './conversation.ts';
import { Holds } from './holds.ts';
import { encode, errorBody, toEvents, toMessage } from './reply.ts';
import { decide, scriptSchema } from './script.ts';
import type { Decision, Fault, Reply, ScriptInput } from './script.ts';

/**
 * `turn`: the agent works (the request offers tools). `side`: Claude Code's own requests beside it (titles, summaries,
 * quota probes). `count-tokens`, `models`, `other`: the rest.
 */
export type RequestKind = 'turn' | 'side' | 'count-tokens' | 'models' | 'other';

export interface RecordedRequest {
  n: number;
  at: string;
  method: string;
  path: string;
  kind: RequestKind;
  session: string;
  /** Newest prompt, for turns. */
  prompt: string;
  /** The rule and the step that answered, for turns. */
  rule: string | null;
  step: number | null;
  fault: Fault['kind'] | null;
  body: unknown;
}

export interface MessagesApiOptions {
  script: ScriptInput;
  /** 0 or absent: any free one. */
  port?: number | undefined;
  /** Called once per request, before it is answered. */
  onRequest?: ((request: RecordedRequest) => void) | undefined;
}

export interface MessagesApi extends AsyncDisposable {
  readonly url: string;
  /** The newest 2,000 requests, oldest first. */
  requests(): RecordedRequest[];
  /** Releases replies that are held under this name, now and from now on. */
  release(name: string): void;
  close(): Promise<void>;
}

const KEPT_REQUESTS = 2_000;

/** A stand-in for the Messages API on loopback, as far as Claude Code uses it. */
export async function startMessagesApi(options: MessagesApiOptions): Promise<MessagesApi> {
  const script = scriptSchema.parse(options.script);
  const recorded: RecordedRequest[] = [];
  const met = new Map<string, number>();
  const holds = new Holds();
  let count = 0;

  const handle = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    response.setHeader('request-id', `req_${randomUUID()}`);
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const body = parse(await readBody(request));
    const kind = kindOf(path, body);
    const conversation = readConversation(body);
    const decision = kind === 'turn' ? decide(script, conversation, (key) => met.get(key) ?? 0) : null;
    if (decision?.do === 'fault') met.set(decision.key, (met.get(decision.key) ?? 0) + 1);
    const entry: RecordedRequest = {
      n: (count += 1),
      at: new Date().toISOString(),
      method: request.method ?? 'GET',
      path,
      kind,
      session: conversation.session,
      prompt: kind === 'turn' ? conversation.prompt : '',
      rule: decision?.rule ?? null,
      step: decision?.step ?? null,
      fault: decision?.do === 'fault' ? decision.fault.kind : null,
      body,
    };
    recorded.push(entry);
    if (recorded.length > KEPT_REQUESTS) recorded.shift();
    options.onRequest?.(entry);
    if (path.startsWith('/control/')) return control(path, response, holds, recorded);
    await answer(kind, path, body, decision, response, holds);
  };

  const server = http.createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      // The client closed the connection (as a killed agent does), or the script is wrong: the latter must show.
      if (response.destroyed || response.headersSent) response.destroy();
      else sendJson(response, 500, errorBody(500, `scripted API: ${String(error)}`));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    holds.releaseAll();
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => [...recorded],
    release: (name) => holds.release(name),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function kindOf(path: string, body: unknown): RequestKind {
  if (path === '/v1/messages/count_tokens') return 'count-tokens';
  if (path === '/v1/models' || path.startsWith('/v1/models/')) return 'models';
  if (path !== '/v1/messages') return 'other';
  const tools = (body as { tools?: unknown } | null)?.tools;
  return Array.isArray(tools) && tools.length > 0 ? 'turn' : 'side';
}

async function answer(
  kind: RequestKind,
  path: string,
  body: unknown,
  decision: Decision | null,
  response: http.ServerResponse,
  holds: Holds,
): Promise<void> {
  const asked = (body as { model?: unknown } | null)?.model;
  const model = typeof asked === 'string' ? asked : 'claude-sonnet-4-5';
  const stream = (body as { stream?: unknown } | null)?.stream === true;
  if (decision?.do === 'fault') return fail(decision.fault, model, response);
  if (decision?.do === 'reply') return reply(decision.reply, model, stream, response, holds);
  if (kind === 'side') return reply({ ...SIDE_REPLY, text: sideText(body) }, model, stream, response, holds);
  if (kind === 'count-tokens')
    return sendJson(response, 200, { input_tokens: Math.ceil(JSON.stringify(body).length / 4) });
  if (kind === 'models') return sendJson(response, 200, { data: [], has_more: false, first_id: null, last_id: null });
  if (path === '/api/hello') return sendJson(response, 200, { message: 'hello' });
  sendJson(response, 404, errorBody(404, 'not part of the scripted API'));
}

const SIDE_REPLY: Reply = { tools: [], delayMs: 0, pieceDelayMs: 0, inputTokens: 1, outputTokens: 1 };

/**
 * A reply to a request beside a turn. Titles are wanted as JSON by a schema; any other request is content with a word.
 */
function sideText(body: unknown): string {
  return JSON.stringify(body).includes('"title"') ? '{"title": "Scripted session"}' : 'ok';
}

async function reply(
  wanted: Reply,
  model: string,
  stream: boolean,
  response: http.ServerResponse,
  holds: Holds,
): Promise<void> {
  const aborted = new AbortController();
  response.once('close', () => aborted.abort());
  if (wanted.hold !== undefined) await holds.wait(wanted.hold, aborted.signal);
  if (wanted.delayMs > 0) await sleep(systemClock, wanted.delayMs, aborted.signal);
  const message = toMessage(wanted, model);
  if (!stream) return sendJson(response, 200, message);
  startStream(response);
  for (const event of toEvents(message)) {
    if (wanted.pieceDelayMs > 0) await sleep(systemClock, wanted.pieceDelayMs, aborted.signal);
    response.write(encode(event));
  }
  response.end();
}

function fail(fault: Fault, model: string, response: http.ServerResponse): void {
  if (fault.kind === 'status') {
    if (fault.retryAfter !== undefined) response.setHeader('retry-after', String(fault.retryAfter));
    return sendJson(response, fault.status, errorBody(fault.status, fault.message ?? 'scripted fault'));
  }
  if (fault.kind === 'hang' && fault.after === 'nothing') return;
  startStream(response);
  const message = toMessage(
    { ...SIDE_REPLY, text: 'This sentence is never brought to its end because the line' },
    model,
  );
  const [start, block, delta] = [...toEvents(message)].map(encode);
  const sent = `${start}${block}${delta}`;
  if (fault.kind === 'drop') response.write(sent, () => response.destroy());
  else response.write(sent);
}

function startStream(response: http.ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
}

function control(path: string, response: http.ServerResponse, holds: Holds, recorded: RecordedRequest[]): void {
  const [, , verb, name] = path.split('/');
  if (verb === 'release' && name !== undefined) {
    holds.release(decodeURIComponent(name));
    return sendJson(response, 200, { released: name });
  }
  if (verb === 'requests') return sendJson(response, 200, recorded);
  sendJson(response, 404, errorBody(404, 'control/release/<name> or control/requests'));
}

function sendJson(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readBody(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Recorded unparsed: a test may want to see it.
    return text;
  }
}
