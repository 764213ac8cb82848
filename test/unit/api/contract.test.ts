import { describe, expect, test } from 'vitest';
import { answerBody } from '../../../src/api/agents/schemas.ts';
import { downBody, upBody } from '../../../src/api/swarm/schemas.ts';
import { emptyBody } from '../../../src/api/contract/words.ts';
import { rollbackBody } from '../../../src/api/work/schemas.ts';
import { taskBody, taskQuery, tasksBody } from '../../../src/api/tasks/schemas.ts';
import { openapi } from '../../../src/api/openapi.ts';
import { routes } from '../../../src/api/routes.ts';
import type { SwarmService } from '../../../src/api/service.ts';

describe('bodies', () => {
  test('a task needs no more than its title', () => {
    expect(taskBody.parse({ title: '  a task ' })).toMatchObject({
      title: 'a task',
      priority: 'normal',
      after: [],
      needs: [],
    });
    expect(taskBody.parse({ title: 'a task' }).retries).toBeUndefined();
  });

  test('one task or several, all of them right', () => {
    expect(tasksBody.parse({ tasks: [{ title: 'a' }, { title: 'b' }] })).toMatchObject({
      tasks: [{ title: 'a' }, { title: 'b' }],
    });
    expect(tasksBody.safeParse({ tasks: [] }).success).toBe(false);
    expect(tasksBody.safeParse({ tasks: [{ title: 'a' }, { titel: 'b' }] }).success).toBe(false);
    expect(tasksBody.safeParse({ tasks: Array.from({ length: 10_001 }, () => ({ title: 'a' })) }).success).toBe(false);
  });

  test.each([
    ['an empty title', taskBody, { title: '   ' }],
    ['a misspelt field', taskBody, { title: 'a', promt: 'b' }],
    ['an unknown priority', taskBody, { title: 'a', priority: 'urgent' }],
    ['a command without a program', taskBody, { title: 'a', command: [] }],
    ['less than no retries', taskBody, { title: 'a', retries: -1 }],
    ['a budget of nothing', taskBody, { title: 'a', budgetUsd: 0 }],
    ['a time-out of more than a week', taskBody, { title: 'a', timeoutMs: 8 * 86_400_000 }],
    ['no workers', upBody, { workers: 0 }],
    ['half a worker', upBody, { workers: 1.5 }],
    ['more workers than any machine bears', upBody, { workers: 201 }],
    ['a decision that is none', answerBody, { decision: 'perhaps' }],
    ['a checkpoint before the first', rollbackBody, { n: 0 }],
    ['a state that no task has', taskQuery, { state: 'finished' }],
    ['a limit of nothing', taskQuery, { limit: '0' }],
    ['a body where none belongs', emptyBody, { now: true }],
  ] as const)('refuses %s', (_name, schema, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });

  test('a query is text and becomes numbers', () => {
    expect(taskQuery.parse({ limit: '20', state: 'done' })).toEqual({ limit: 20, state: 'done' });
    expect(taskQuery.parse({})).toEqual({});
  });

  test('what is left out has the harmless value', () => {
    expect(downBody.parse({})).toEqual({ purge: false, force: false });
    expect(emptyBody.parse(undefined)).toBeUndefined();
    expect(emptyBody.parse({})).toEqual({});
  });
});

describe('the table of routes', () => {
  test('has each method and path once', () => {
    const names = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).toBe(names.length);
    expect(routes.every(({ path }) => path.startsWith('/v1/'))).toBe(true);
  });

  test('each route asks the service for one thing, with the id of its path', async () => {
    for (const route of routes) {
      const asked: unknown[][] = [];
      const recorder: object = new Proxy(
        {},
        {
          get: (_target, name) =>
            name === 'checkpointing'
              ? recorder
              : (...args: unknown[]) => {
                  asked.push([name, ...args]);
                  return Promise.resolve([{}]);
                },
        },
      );
      const service = recorder as SwarmService;
      const bodies: Record<string, unknown> = {
        '/v1/tasks': { title: 'a' },
        '/v1/agents/:id/rollback': { n: 1 },
        '/v1/agents/:id/rollback-plan': { n: 1 },
        '/v1/agents/:id/messages': { text: 'a' },
        '/v1/agents/:id/answer': { decision: 'allow' },
        '/v1/checkpoints/:id/:n/restore': { paths: ['a'] },
        '/v1/checkpoints/:id/:n/branch': { name: 'a' },
        '/v1/checkpoints/:id/drop': { numbers: [7] },
      };
      const input = route.input.parse(route.method === 'POST' ? (bodies[route.path] ?? {}) : {});
      await route.handle(service, input, { id: 'the-id', n: '7' });
      expect(asked, route.path).toHaveLength(1);
      if (route.path.includes(':id')) expect(asked[0], route.path).toContain('the-id');
      if (route.path.includes(':n')) expect(asked[0], route.path).toContain(7);
    }
  });
});

describe('the OpenAPI document', () => {
  const document = openapi(routes) as {
    openapi: string;
    paths: Record<
      string,
      Record<
        string,
        {
          summary: string;
          parameters: { name: string; in: string }[];
          requestBody?: { content: Record<string, { schema: unknown }> };
        }
      >
    >;
  };

  test('has every route, with its parameters and what a body may hold', () => {
    expect(document.openapi).toBe('3.1.0');
    const named = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    expect(named.toSorted()).toEqual(
      routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).toSorted(),
    );
    for (const [path, verbs] of Object.entries(document.paths)) {
      for (const [verb, operation] of Object.entries(verbs)) {
        expect(operation.summary, path).not.toBe('');
        expect(
          operation.parameters.some(({ name }) => name === 'id'),
          path,
        ).toBe(path.includes('{id}'));
        expect(operation.requestBody !== undefined, path).toBe(verb === 'post');
      }
    }
    expect(document.paths['/v1/tasks']?.['get']?.parameters.map(({ name }) => name)).toEqual(['state', 'limit']);
    expect(JSON.stringify(document.paths['/v1/swarm/up']?.['post']?.requestBody)).toContain('includeDirty');
  });

  test('is JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
