import * as z from 'zod';
import type { Endpoint } from './endpoints.ts';

/** OpenAPI 3.1 of the endpoints, made from the same table that serves them. */
export function openapi(endpoints: readonly Endpoint[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    const names = [...endpoint.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
    const operation: Record<string, unknown> = {
      summary: endpoint.summary,
      parameters: [
        ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        ...queryParameters(endpoint),
      ],
      responses: { 200: answer(endpoint), default: { description: 'an error document' } },
    };
    if (endpoint.method === 'POST') {
      operation['requestBody'] = {
        content: { 'application/json': { schema: z.toJSONSchema(endpoint.takes, { io: 'input' }) } },
      };
    }
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = operation;
  }
  return { openapi: '3.1.0', info: { title: 'swarm', version: '1' }, paths };
}

function answer({ answers }: Endpoint): Record<string, unknown> {
  if (answers === null) return { description: 'done' };
  return { description: 'done', content: { 'application/json': { schema: z.toJSONSchema(answers, { io: 'input' }) } } };
}

/** The fields of a GET's query, all optional. */
function queryParameters(endpoint: Endpoint): unknown[] {
  if (endpoint.method !== 'GET') return [];
  const { properties = {} } = z.toJSONSchema(endpoint.takes, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}
