import * as z from 'zod';
import type { Route } from './route.ts';

/** OpenAPI 3.1 of the routes, made from the same table that serves them. */
export function openapi(routes: readonly Route[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
    const operation: Record<string, unknown> = {
      summary: route.summary,
      parameters: [
        ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        ...queryParameters(route),
      ],
      responses: { 200: { description: 'done' }, default: { description: 'an error document' } },
    };
    if (route.method === 'POST') {
      operation['requestBody'] = {
        content: { 'application/json': { schema: z.toJSONSchema(route.input, { io: 'input' }) } },
      };
    }
    (paths[path] ??= {})[route.method.toLowerCase()] = operation;
  }
  return { openapi: '3.1.0', info: { title: 'swarm', version: '1' }, paths };
}

/** The fields of a GET's query, none of which is ever required. */
function queryParameters(route: Route): unknown[] {
  if (route.method !== 'GET') return [];
  const { properties = {} } = z.toJSONSchema(route.input, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}
