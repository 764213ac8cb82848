import type { IncomingMessage } from 'node:http';
import { SwarmError, fromErrorDocument, type ErrorDocument } from '../domain/errors.ts';
import { timeLimit } from '../lib/clock.ts';

/**
 * Not `import`: that copies every export of the module and so runs its lazy getters, one of which loads a whole
 * WebSocket client. 6 ms instead of 44, in the start of every verb.
 */
const http = process.getBuiltinModule('node:http');
const net = process.getBuiltinModule('node:net');

/** One request over the Unix socket. Only node:http here: the cold start of every verb pays for each module. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  /** A status of 400 or more whose body is an answer all the same. */
  accept?: number;
  /** The body is text, not JSON. */
  text?: boolean;
}

/** A longer answer is no document of swarm's. */
const ANSWER_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * The body of a 2xx answer, parsed; every other answer is thrown.
 * @throws SwarmError of the supervisor's answer; `supervisor-down` (never reached: safe to repeat); `timeout` or
 * `connection-lost` (exit code 3: it may or may not have happened); the signal's reason when aborted
 */
export async function call(socketPath: string, request: ApiRequest): Promise<unknown> {
  const deadline = timeLimit(request.timeoutMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
  try {
    const response = await open(socketPath, request, signal);
    const text = await readAll(response);
    const status = response.statusCode ?? 500;
    if (status >= 400 && status !== request.accept) refuse(request, status, text);
    return request.text === true ? text : parse(request, text);
  } catch (error) {
    if (error instanceof SwarmError) throw error;
    request.signal?.throwIfAborted();
    if (deadline.aborted) throw silent(request);
    throw broken(error, socketPath, request);
  }
}

/** The answer as soon as its headers have come; the caller reads the body. The signal ends both. */
export async function open(socketPath: string, request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = http.request({
    // Without an agent, which would take 10 ms to find out whether the host name is an IPv6 address.
    createConnection: () => net.connect(socketPath),
    path: request.path,
    method: request.method,
    signal,
    headers: {
      host: 'swarm',
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...request.headers,
    },
  });
  outgoing.on('response', resolve).on('error', reject);
  outgoing.end(body);
  return promise;
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > ANSWER_LIMIT_BYTES)
      throw new SwarmError('bad-answer', `the supervisor's answer is longer than ${ANSWER_LIMIT_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(request: ApiRequest, text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SwarmError('bad-answer', `the supervisor's answer to ${request.method} ${request.path} is not JSON`, {
      hint: 'Run `swarm logs supervisor` to see what happened.',
      cause: error,
    });
  }
}

export function refuse(request: ApiRequest, status: number, text: string): never {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // Not of swarm, for instance of the HTTP library: only the status is known.
    document = null;
  }
  if (isErrorDocument(document)) throw fromErrorDocument(document);
  throw new SwarmError('bad-answer', `the supervisor answered ${request.method} ${request.path} with HTTP ${status}`, {
    hint: 'Run `swarm logs supervisor` to see what happened.',
  });
}

function isErrorDocument(value: unknown): value is ErrorDocument {
  if (value === null || typeof value !== 'object' || !('error' in value)) return false;
  const { error } = value;
  return error !== null && typeof error === 'object' && 'code' in error && 'message' in error;
}

/** Codes of a connect that reached no listener. */
const UNREACHED = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR']);

export function broken(error: unknown, socketPath: string, request: ApiRequest): SwarmError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (UNREACHED.has(code)) {
    return new SwarmError('supervisor-down', 'swarm is not up for this repository', {
      hint: 'Run `swarm up`.',
      cause: error,
      retrySafe: true,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new SwarmError('not-yours', `${socketPath} belongs to another user`, {
      hint: 'Run swarm as the user that ran `swarm up`.',
      cause: error,
      retrySafe: true,
    });
  }
  return new SwarmError('connection-lost', `the supervisor went away during ${request.method} ${request.path}`, {
    hint: 'Run `swarm status` to see whether it was done.',
    cause: error,
    retrySafe: request.method === 'GET',
    exitCode: 3,
  });
}

function silent(request: ApiRequest): SwarmError {
  const seconds = Math.round(request.timeoutMs / 100) / 10;
  return new SwarmError(
    'timeout',
    `the supervisor did not answer ${request.method} ${request.path} within ${seconds} s`,
    {
      hint: 'Run `swarm logs supervisor` to see what it does.',
      retrySafe: request.method === 'GET',
      exitCode: 3,
    },
  );
}
