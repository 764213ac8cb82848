import { expect, test } from 'vitest';
import type { Task } from '../../../../src/domain/task-document.ts';
import { TaskDesk, type AvailableAgent, type TaskDeskDeps } from '../../../../src/supervisor/tasks/task-desk.ts';
import { events } from '../kit.ts';

const done: Task = {
  id: 't1',
  title: 'a task',
  kind: 'claude',
  state: 'done',
  reason: null,
  priority: 'normal',
  prompt: null,
  command: null,
  after: [],
  on: null,
  needs: [],
  agent: null,
  timeoutMs: null,
  retries: 2,
  verify: null,
  budgetUsd: null,
  key: null,
  createdAt: '',
  updatedAt: '',
  attempts: [],
  result: { summary: '', commit: 'beef', branch: 'swarm/task/t1', costUsd: 0, notes: ['of the result'] },
};

function desk(task: Task, more: Partial<TaskDeskDeps> = {}) {
  const seen = events();
  const cancelled: string[] = [];
  const asked: unknown[] = [];
  const taskDesk = new TaskDesk({
    defaultRetries: 7,
    agents: () => [],
    broker: () => null,
    engine: {
      submit: async (specs) => {
        asked.push(...specs);
        return specs.map((_, index) => ({ id: `t${index + 1}`, existing: false }));
      },
      submitGroup: async ({ name, tasks }) => ({
        group: name,
        tasks: tasks.map(([each], index) => ({ name: each, id: `t${index + 1}` })),
        existing: false,
      }),
      list: (filter) => {
        asked.push(filter);
        return [task];
      },
      get: () => task,
      cancel: async () => ({ task: { ...task, state: 'cancelled' }, lease: { agent: 'worker-1', attempt: 2 } }),
      retry: async () => task,
    },
    events: seen.log,
    cancelAttempt: async (agent, id, attempt) => void cancelled.push(`${agent} ${id} ${attempt}`),
    base: () => ({ branch: 'main', commit: 'c0ffee' }),
    mergeBase: async (a, b) => `${a}..${b}`,
    diff: async (base, commit) => ({ stat: `${base} ${commit}`, patch: 'patch' }),
    merging: async () => undefined,
    merged: async () => undefined,
    merge: async ({ into }) => ({ into, before: 'a', after: 'b', merged: true, notes: ['of the merge'] }),
    ...more,
  });
  return { taskDesk, seen, cancelled, asked };
}

test('where a task says nothing of retries the config does', async () => {
  const { taskDesk, asked } = desk(done);
  const spec = { title: 'x', priority: 'normal' as const, after: [], needs: [] };
  await taskDesk.add({ tasks: [spec, { ...spec, retries: 0 }] });
  expect(asked).toMatchObject([{ retries: 7 }, { retries: 0 }]);
});

test('one task is answered as one, several as several', async () => {
  const { taskDesk } = desk(done);
  const spec = { title: 'x', priority: 'normal' as const, after: [], needs: [] };
  await expect(taskDesk.add(spec)).resolves.toEqual({ id: 't1', existing: false });
  await expect(taskDesk.add({ tasks: [spec, spec] })).resolves.toEqual({
    tasks: [
      { id: 't1', existing: false },
      { id: 't2', existing: false },
    ],
  });
});

test('the answer to a retry says, as task show does, that no agent which is up could take the task', async () => {
  const { taskDesk } = desk({ ...done, state: 'ready', result: null });
  const reason = 'no agent of kind claude is up';
  await expect(taskDesk.retry({ id: 't1' })).resolves.toMatchObject({ state: 'ready', reason });
  await expect(taskDesk.show({ id: 't1' })).resolves.toMatchObject({ reason });
});

test('a task that is ready says why it is not taken', async () => {
  const ready: Task = { ...done, state: 'ready', result: null };
  const why = async (task: Partial<Task>, agents: AvailableAgent[], broker: string | null = null) => {
    const { taskDesk } = desk({ ...ready, ...task }, { agents: () => agents, broker: () => broker });
    return (await taskDesk.show({ id: 't1' })).reason;
  };
  const agent = (id: string, keptBy: string | null = null): AvailableAgent => ({
    ...{ id, kind: 'claude', capabilities: [] },
    keptBy,
  });
  expect(await why({}, [agent('worker-1')])).toBeNull();
  expect(await why({}, [agent('worker-1')], 'the broker is starting')).toBe('the broker is starting');
  expect(await why({}, [agent('worker-1', 'paused')])).toBe('worker-1 is paused');
  expect(await why({}, [agent('worker-1', 'paused'), agent('worker-2')])).toBeNull();
  const waits = 'not started yet: admission: waits for its turn';
  expect(await why({}, [agent('worker-1', waits), agent('worker-2', 'paused')])).toBe(
    `worker-1 is ${waits}, and 1 more that could take it waits too`,
  );
  // What the store knows of the task stays, and the agents that are not able do not count.
  const needs = { needs: ['gpu'], reason: 'needs gpu' };
  expect(await why(needs, [agent('worker-1')])).toBe('needs gpu; no agent that is up has gpu');
  expect(await why({ agent: 'worker-2', reason: 'only for worker-2' }, [agent('worker-1')])).toBe(
    'only for worker-2; worker-2 is not up',
  );
});

test('a cancel reaches the wrapper that holds the task', async () => {
  const { taskDesk, cancelled } = desk(done);
  await expect(taskDesk.cancel({ id: 't1' })).resolves.toMatchObject({ state: 'cancelled' });
  expect(cancelled).toEqual(['worker-1 t1 2']);
});

test('filters go to the engine as they are meant', async () => {
  const { taskDesk, asked } = desk(done);
  await taskDesk.list({ state: 'done', limit: 3 });
  await taskDesk.list({});
  expect(asked).toEqual([{ state: 'done', limit: 3 }, {}]);
});

test('a diff is what the task changed since it left the base', async () => {
  await expect(desk(done).taskDesk.diff({ id: 't1' })).resolves.toEqual({
    task: 't1',
    base: 'refs/heads/main..beef',
    commit: 'beef',
    stat: 'refs/heads/main..beef beef',
    patch: 'patch',
    notes: ['of the result'],
  });
  const detached = desk(done, { base: () => ({ branch: null, commit: 'c0ffee' }) });
  await expect(detached.taskDesk.diff({ id: 't1' })).resolves.toMatchObject({ base: 'c0ffee..beef' });
});

test('a merge goes into the branch of the base, or the one that is named', async () => {
  const { taskDesk, seen } = desk(done);
  await expect(taskDesk.merge({ id: 't1' })).resolves.toEqual({
    task: 't1',
    into: 'main',
    before: 'a',
    after: 'b',
    merged: true,
    notes: ['of the result', 'of the merge'],
  });
  await expect(taskDesk.merge({ id: 't1', into: 'release' })).resolves.toMatchObject({ into: 'release' });
  expect(seen.names()).toEqual(['task.merged', 'task.merged']);
});

test('what has no result, is not done or has no branch to go to is refused with the way out', async () => {
  await expect(desk({ ...done, state: 'running', result: null }).taskDesk.diff({ id: 't1' })).rejects.toMatchObject({
    code: 'no-result',
  });
  await expect(desk({ ...done, state: 'dead' }).taskDesk.merge({ id: 't1' })).rejects.toMatchObject({
    code: 'not-done',
  });
  const detached = desk(done, { base: () => ({ branch: null, commit: 'c0ffee' }) });
  await expect(detached.taskDesk.merge({ id: 't1' })).rejects.toMatchObject({ code: 'no-branch', exitCode: 2 });
});
