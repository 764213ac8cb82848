import { describe, expect, test } from 'vitest';
import type { TaskSpec } from '../../../src/domain/task.ts';
import { kit, resultOf, spec, take } from './engine-kit.ts';

describe('submitting tasks', () => {
  test('numbers follow each other, above what is taken already', async () => {
    const { engine } = kit();
    expect(await engine.submit([spec(), spec()])).toEqual([
      { id: 't1', existing: false },
      { id: 't2', existing: false },
    ]);
    await engine.seedNumber(40);
    await engine.seedNumber(7);
    expect(await engine.submit([spec()])).toEqual([{ id: 't41', existing: false }]);
  });

  test('what was said is what is shown', async () => {
    const { engine } = kit();
    await engine.submit([spec({ title: 'base', key: 'base' })]);
    await engine.submit([
      spec({
        title: '  add a button ',
        prompt: 'make it blue',
        priority: 'high',
        after: ['t1', '1', 'base'],
        on: 'base',
        needs: ['web', 'gpu', 'web'],
        agent: 'worker-1',
        timeoutMs: 60_000,
        retries: 5,
        verify: 'none',
        budgetUsd: 1.5,
        key: 'button',
      }),
    ]);
    expect(engine.get('t2')).toEqual({
      id: 't2',
      title: 'add a button',
      kind: 'claude',
      state: 'waiting',
      reason: 'waits for t1',
      priority: 'high',
      prompt: 'make it blue',
      command: null,
      after: ['t1'],
      on: 't1',
      needs: ['gpu', 'web'],
      agent: 'worker-1',
      timeoutMs: 60_000,
      retries: 5,
      verify: 'none',
      budgetUsd: 1.5,
      key: 'button',
      createdAt: '2030-01-01T00:00:00.000Z',
      updatedAt: '2030-01-01T00:00:00.000Z',
      attempts: [],
      result: null,
    });
  });

  test('a key names one task, in the batch and later', async () => {
    const { engine } = kit();
    expect(await engine.submit([spec({ key: 'a' }), spec({ key: 'a' })])).toEqual([
      { id: 't1', existing: false },
      { id: 't1', existing: true },
    ]);
    expect(await engine.submit([spec({ key: 'a', title: 'another' })])).toEqual([{ id: 't1', existing: true }]);
    expect(engine.counts().ready).toBe(1);
  });

  test('tasks of a batch may name each other by key, also forwards', async () => {
    const { engine } = kit();
    await engine.submit([spec({ title: 'test', after: ['build'] }), spec({ title: 'build', key: 'build' })]);
    expect(engine.get('t1')).toMatchObject({ state: 'waiting', after: ['t2'] });
    expect(engine.resolveTaskId('build')).toBe('t2');
  });

  test('a dependency that is done already holds nothing up', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await engine.result(resultOf(await take(engine, 'worker-1'), 'worker-1'));
    await engine.submit([spec({ after: ['t1'] })]);
    expect(engine.get('t2').state).toBe('ready');
  });

  test('a batch with one wrong task leaves nothing behind', async () => {
    const { engine } = kit();
    await expect(engine.submit([spec(), spec({ title: ' ' })])).rejects.toMatchObject({
      code: 'bad-task',
      message: 'Task 2 of 2, " ": The task cannot be taken: it has no title.',
    });
    await expect(
      engine.submit([spec({ key: 'a', after: ['b'] }), spec({ key: 'b', after: ['a'] })]),
    ).rejects.toMatchObject({ code: 'dependency-cycle' });
    expect(engine.list()).toEqual([]);
    expect(await engine.submit([spec()])).toEqual([{ id: 't1', existing: false }]);
  });

  test('a wrong dependency offers the nearest right one', async () => {
    const { engine } = kit();
    await engine.submit(Array.from({ length: 12 }, () => spec()));
    await engine.submit([spec({ key: 'build-all' })]);
    await expect(engine.submit([spec({ after: ['t112'] })])).rejects.toMatchObject({
      code: 'unknown-task',
      hint: 'Did you mean t11?',
    });
    await expect(engine.submit([spec({ on: 'biuld-all' })])).rejects.toMatchObject({ hint: 'Did you mean build-all?' });
    expect(() => engine.get('t999')).toThrow(
      expect.objectContaining({ code: 'unknown-task', hint: expect.stringContaining('t13') }),
    );
  });

  test('open tasks are bounded, finished ones do not count', async () => {
    const { engine } = kit({ maxOpenTasks: 2 });
    await engine.submit([spec(), spec({ key: 'second' })]);
    await expect(engine.submit([spec()])).rejects.toMatchObject({ code: 'too-many-tasks', retrySafe: true });
    expect(await engine.submit([spec({ key: 'second' })])).toEqual([{ id: 't2', existing: true }]);
    await engine.cancel('t1');
    expect(await engine.submit([spec()])).toEqual([{ id: 't3', existing: false }]);
  });

  test.each<[string, Partial<TaskSpec>, string]>([
    ['a title of two lines', { title: 'a\nb' }, 'bad-task'],
    ['a title of a page', { title: 'x'.repeat(501) }, 'bad-task'],
    ['a prompt of two megabytes', { prompt: 'x'.repeat(1_000_001) }, 'bad-task'],
    ['a priority that is none', { priority: 'urgent' as 'high' }, 'bad-task'],
    ['an empty command', { command: [] }, 'bad-task'],
    ['a command of a thousand arguments and one', { command: Array.from({ length: 1_001 }, () => 'x') }, 'bad-task'],
    ['a command with a NUL', { command: ['echo', '\0'] }, 'bad-task'],
    ['a capability with a space', { needs: ['a b'] }, 'bad-task'],
    ['too many capabilities', { needs: Array.from({ length: 51 }, (_, at) => `c${at}`) }, 'bad-task'],
    ['too many dependencies', { after: Array.from({ length: 1_001 }, (_, at) => `t${at}`) }, 'bad-task'],
    ['half a retry', { retries: 0.5 }, 'bad-task'],
    ['a timeout of nothing', { timeoutMs: 0 }, 'bad-task'],
    ['a budget of nothing', { budgetUsd: 0 }, 'bad-task'],
    ['an empty key', { key: '' }, 'bad-task'],
    ['a key that reads like an id', { key: '#3' }, 'bad-task'],
    ['an agent that is not there', { agent: 'worker-l' }, 'unknown-agent'],
    ['an agent of the other kind', { agent: 'shell-1' }, 'bad-task'],
    ['a verify that is not there', { verify: 'tset' }, 'unknown-verify'],
  ])('%s is refused with what to do', async (_, fields, code) => {
    const { engine } = kit({
      agents: () => [
        { id: 'worker-1', kind: 'claude' },
        { id: 'shell-1', kind: 'shell' },
      ],
      verifyNames: () => ['test'],
    });
    await expect(engine.submit([spec(fields)])).rejects.toMatchObject({
      code,
      exitCode: 2,
      hint: expect.stringMatching(/\w/),
    });
  });

  test('names that exist are accepted', async () => {
    const { engine } = kit({ agents: () => [{ id: 'shell-1', kind: 'shell' }], verifyNames: () => ['test'] });
    await engine.submit([spec({ command: ['true'], agent: 'shell-1', verify: 'test' }), spec({ verify: 'none' })]);
    expect(engine.get('t1')).toMatchObject({ kind: 'shell', command: ['true'] });
    await expect(kit({ agents: () => [] }).engine.submit([spec({ agent: 'x' })])).rejects.toMatchObject({
      hint: 'Start some with `swarm up 3`.',
    });
    await expect(
      kit({ agents: () => [{ id: 'zed', kind: 'claude' }] }).engine.submit([spec({ agent: 'worker-1' })]),
    ).rejects.toMatchObject({ hint: 'There are zed.' });
    await expect(kit({ verifyNames: () => ['lint'] }).engine.submit([spec({ verify: 'tests' })])).rejects.toMatchObject(
      { hint: expect.stringContaining('lint, none') },
    );
  });
});
