import http from 'node:http';
import path from 'node:path';
import { projectHash } from '../../src/domain/layout.ts';
import type { IsolatedEnvironment } from './environment.ts';

const ANSWER_MS = 10_000;

const NEVER_REACHED = ['ENOENT', 'ECONNREFUSED'];
/** It died while it was asked: a question may be asked again, an order may have been carried out. */
const BROKEN_OFF = [...NEVER_REACHED, 'ECONNRESET', 'EPIPE'];

/**
 * Asks the supervisor of a repository over its socket, as other programs do. A command for each look of a loop would cost
 * a tenth of a second of a processor. Null: nobody is there, or the answer was an error.
 */
export function askSupervisor<T>(
  { runtimeDir }: Pick<IsolatedEnvironment, 'runtimeDir'>,
  repository: string,
  route: string,
  body?: unknown,
): Promise<T | null> {
  const socketPath = path.join(runtimeDir, 'swarm', projectHash(path.join(repository, '.git')), 'api.sock');
  const { promise, resolve, reject } = Promise.withResolvers<T | null>();
  const nobody = body === undefined ? BROKEN_OFF : NEVER_REACHED;
  const fails = (error: NodeJS.ErrnoException): void =>
    nobody.includes(error.code ?? '') ? resolve(null) : reject(error);
  const method = body === undefined ? 'GET' : 'POST';
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const request = http.request(
    { socketPath, path: route, method, headers, agent: false, timeout: ANSWER_MS },
    (answer) => {
      const chunks: Buffer[] = [];
      answer.on('error', fails).on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const good = answer.statusCode !== undefined && answer.statusCode < 300;
        resolve(good ? (JSON.parse(Buffer.concat(chunks).toString()) as T) : null);
      });
    },
  );
  request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${route} for ${ANSWER_MS} ms`)));
  request.on('error', fails);
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
