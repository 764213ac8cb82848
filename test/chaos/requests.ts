import http from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { World } from '../e2e/world.ts';

const ANSWER_MS = 3_000;
const AGAIN_MS = 50;
const PATIENCE_MS = 120_000;

export interface TaskRequest {
  title: string;
  command?: string[];
  after?: string[];
  agent?: string;
  priority?: string;
  retries?: number;
  /** Makes a repeated request safe. */
  key: string;
}

/** A program that submits tasks over the socket, and repeats each request until it is answered. */
export class Client {
  readonly #socket: string;

  constructor(world: World, hash: string) {
    this.#socket = path.join(world.environment.runtimeDir, 'swarm', hash, 'api.sock');
  }

  async add(request: TaskRequest): Promise<string> {
    return (await this.call<{ id: string }>('POST', '/v1/tasks', request)).id;
  }

  async call<T>(method: 'GET' | 'POST', route: string, body?: unknown): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#once<T>(method, route, body);
      if (answer.ok) return answer.value;
      if (performance.now() > deadline) throw new Error(`${method} ${route}: ${answer.why}`);
      await pause(AGAIN_MS);
    }
  }

  #once<T>(method: string, route: string, body: unknown): Promise<{ ok: true; value: T } | { ok: false; why: string }> {
    return new Promise((resolve, reject) => {
      const fails = (error: Error): void => resolve({ ok: false, why: error.message });
      const options = { socketPath: this.#socket, path: route, method, agent: false, timeout: ANSWER_MS } as const;
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const request = http.request({ ...options, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('error', fails).on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const [status, text] = [response.statusCode ?? 500, Buffer.concat(chunks).toString()];
          if (status < 300) resolve({ ok: true, value: JSON.parse(text) as T });
          else if (status >= 500) resolve({ ok: false, why: `${status} ${text}` });
          else reject(new Error(`${method} ${route}: ${status} ${text}`));
        });
      });
      request.on('timeout', () => request.destroy(new Error(`no answer for ${ANSWER_MS} ms`))).on('error', fails);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
