import http from 'node:http';
import path from 'node:path';
import { projectHash } from '../../src/domain/layout.ts';
import type { IsolatedEnvironment } from './environment.ts';

const ANSWER_MS = 10_000;

const NEVER_REACHED = ['ENOENT', 'ECONNREFUSED'];
/** It died during the request: a question may be repeated, an order may have been carried out. */
const BROKEN_OFF = [...NEVER_REACHED, 'ECONNRESET', 'EPIPE'];

export interface ApiAnswer<T> {
  /** The HTTP status. */
  status: number;
  body: T;
}

/**
 * Asks the supervisor of a repository over its socket, as other programs do. A command for each look of a loop would cost
 * a tenth of a second of a processor. Null: no supervisor is there, or the answer was an error.
 */
export async function askSupervisor<T>(
  environment: Pick<IsolatedEnvironment, 'runtimeDir'>,
  repository: string,
  route: string,
  body?: unknown,
): Promise<T | null> {
  const unreached = body === undefined ? BROKEN_OFF : NEVER_REACHED;
  try {
    const answer = await answerOf<T>(environment, repository, route, body);
    return answer.status < 300 ? answer.body : null;
  } catch (error) {
    if (unreached.includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** The same, with the whole answer. */
export function answerOf<T>(
  { runtimeDir }: Pick<IsolatedEnvironment, 'runtimeDir'>,
  repository: string,
  route: string,
  body?: unknown,
): Promise<ApiAnswer<T>> {
  const socketPath = path.join(runtimeDir, 'swarm', projectHash(path.join(repository, '.git')), 'api.sock');
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer<T>>();
  const method = body === undefined ? 'GET' : 'POST';
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const request = http.request(
    { socketPath, path: route, method, headers, agent: false, timeout: ANSWER_MS },
    (answer) => {
      const chunks: Buffer[] = [];
      answer.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString() || 'null') as T });
      });
    },
  );
  request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${route} for ${ANSWER_MS} ms`)));
  request.on('error', reject);
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
