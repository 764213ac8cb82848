import { describe, expect, test } from 'vitest';
import { answerBody } from '../../../src/api/agents/schemas.ts';
import { downBody, upBody } from '../../../src/api/swarm/schemas.ts';
import { rollbackBody } from '../../../src/api/reversible-work/schemas.ts';
import { taskBody, taskQuery, tasksBody } from '../../../src/api/tasks/schemas.ts';
import { openapi } from '../../../src/api/openapi.ts';
import { endpoints } from '../../../src/api/endpoints.ts';
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
  ] as const)('refuses %s', (_name, schema, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });

  test('a query is text and becomes numbers', () => {
    expect(taskQuery.parse({ limit: '20', state: 'done' })).toEqual({ limit: 20, state: 'done' });
    expect(taskQuery.parse({})).toEqual({});
  });

  test('what is left out has the harmless value', () => {
    expect(downBody.parse({})).toEqual({ purge: false, force: false });
  });
});

describe('the endpoints', () => {
  test('have each method and path once', () => {
    const names = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).toBe(names.length);
    expect(endpoints.every(({ path }) => path.startsWith('/v1/'))).toBe(true);
  });

  test('each asks one room for one thing, with what its path names, whatever the body says', async () => {
    for (const { path, handle } of endpoints) {
      const asked: { noun: string; name: string; input: unknown }[] = [];
      const room = (noun: string): object =>
        new Proxy(
          {},
          { get: (_target, name) => async (input: unknown) => asked.push({ noun, name: String(name), input }) },
        );
      const service = new Proxy({}, { get: (_target, noun) => room(String(noun)) }) as SwarmService;
      await handle(service, { id: 'another', more: 1 }, { id: 'the-id', n: '7' });
      expect(asked, path).toHaveLength(1);
      expect(asked[0]?.input, path).toEqual({ id: 'the-id', n: 7, more: 1 });
    }
  });

  test('what is no number of a checkpoint is the number of none', async () => {
    const shown: unknown[] = [];
    const service = { checkpoints: { show: async (input: unknown) => shown.push(input) } } as unknown as SwarmService;
    const show = endpoints.find(({ path }) => path === '/v1/checkpoints/:id/:n');
    for (const n of ['x', '0', '1.5', '12']) await show?.handle(service, {}, { id: 'a', n });
    expect(shown).toEqual([0, 0, 0, 12].map((n) => ({ id: 'a', n })));
  });

  test.each([
    ['POST', { now: true }, false],
    ['POST', {}, true],
    ['POST', undefined, true],
    ['GET', { now: 'true' }, true],
  ] as const)('where nothing is to be said, %s with %o', (method, input, accepted) => {
    const path = method === 'POST' ? '/v1/agents/:id/stop' : '/v1/agents';
    const found = endpoints.find((one) => one.path === path);
    expect(found?.takes.safeParse(input).success).toBe(accepted);
  });
});

describe('the OpenAPI document', () => {
  const document = openapi(endpoints) as {
    openapi: string;
    paths: Record<
      string,
      Record<
        string,
        {
          summary: string;
          parameters: { name: string; in: string }[];
          responses: unknown;
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
      endpoints.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).toSorted(),
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
    expect(JSON.stringify(document.paths['/v1/tasks/{id}']?.['get']?.responses)).toContain('attempts');
    expect(JSON.stringify(document.paths['/v1/swarm/up']?.['post']?.requestBody)).toContain('includeDirty');
  });

  test('is JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
