import { describe, expect, test } from 'vitest';
import type { TaskSpec } from '../../../src/domain/task.ts';
import { failureOf, kit, resultOf, spec, take, type Kit } from './engine-kit.ts';

const soft = (task: string, onFailure: 'skip' | 'continue'): { task: string; onFailure: 'skip' | 'continue' } => ({
  task,
  onFailure,
});

/** One after the other, so that each may name those before it. */
async function submit({ engine }: Kit, specs: readonly TaskSpec[]): Promise<void> {
  for (const each of specs) await engine.submit([each]);
}

/** Lets the task that is best now fail for good. */
async function failNext({ engine }: Kit): Promise<void> {
  await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
}

const states = ({ engine }: Kit): string[] =>
  engine
    .list()
    .toReversed()
    .map(({ id, state, reason }) => `${id} ${state}${reason === null ? '' : `: ${reason}`}`);

describe('When a task that others wait for is dead', () => {
  test('one that skips is cancelled, and so are those that skip in turn; one that blocks waits for a person', async () => {
    const k = kit();
    await submit(k, [
      spec({ retries: 0 }),
      spec({ after: [soft('t1', 'skip')] }),
      spec({ after: [soft('t2', 'skip')] }),
      spec({ after: ['t2'] }),
    ]);
    await failNext(k);
    expect(states(k)).toEqual([
      't1 dead: failed once, last on worker-1: agent: it does not compile',
      't2 cancelled: skipped: t1',
      't3 cancelled: skipped: t2',
      't4 waiting: waits for t2, which is cancelled: retry t2, or cancel this task',
    ]);
    expect(k.engine.get('t2').onFailure).toEqual({ t1: 'skip' });
  });

  test('one that continues begins, is told what is missing, and waits for the others as before', async () => {
    const k = kit();
    await submit(k, [
      spec({ title: 'first', retries: 0 }),
      spec({ title: 'second' }),
      spec({ title: 'last', after: [soft('t1', 'continue'), 't2'] }),
    ]);
    await failNext(k);
    expect(k.engine.get('t3')).toMatchObject({ state: 'waiting', reason: 'waits for t2' });
    await k.engine.result(resultOf(await take(k.engine, 'worker-1'), 'worker-1'));
    const order = await take(k.engine, 'worker-1');
    expect(order).toMatchObject({
      task: 't3',
      dependencies: [
        { task: 't1', commit: null, failed: 'dead: failed once, last on worker-1: agent: it does not compile' },
        { task: 't2', commit: 'commit-of-t2' },
      ],
    });
  });

  test('a retry of it that succeeds is not waited for a second time, nor counted twice', async () => {
    const k = kit();
    await submit(k, [spec({ retries: 0 }), spec({}), spec({ after: [soft('t1', 'continue'), 't2'] })]);
    await failNext(k);
    await k.engine.retry('t1');
    const [one, two] = [await take(k.engine, 'worker-1'), await take(k.engine, 'worker-2')];
    const first = [one, two].find(({ task }) => task === 't1');
    const second = [one, two].find(({ task }) => task === 't2');
    if (first === undefined || second === undefined) throw new Error('t1 and t2 were to be taken');
    await k.engine.result(resultOf(first, first === one ? 'worker-1' : 'worker-2'));
    expect(k.engine.get('t3')).toMatchObject({ state: 'waiting', reason: 'waits for t2' });
    await k.engine.result(resultOf(second, second === one ? 'worker-1' : 'worker-2'));
    const order = await take(k.engine, 'worker-3');
    // Its code is there by now, and so it is built upon.
    expect(order.dependencies.map(({ commit }) => commit)).toEqual(['commit-of-t1', 'commit-of-t2']);
  });

  test('the same holds when a person cancels it, and for what is submitted afterwards', async () => {
    const k = kit();
    await submit(k, [spec({}), spec({ after: [soft('t1', 'skip')] })]);
    await k.engine.cancel('t1');
    await submit(k, [
      spec({ after: [soft('t1', 'continue')] }),
      spec({ after: [soft('t1', 'skip')] }),
      spec({ after: [soft('t4', 'skip')] }),
    ]);
    expect(states(k)).toEqual([
      't1 cancelled',
      't2 cancelled: skipped: t1',
      't3 ready',
      't4 cancelled: skipped: t1',
      't5 cancelled: skipped: t4',
    ]);
  });

  test('a skipped task that a person retries waits for it again', async () => {
    const k = kit();
    await submit(k, [spec({ retries: 0 }), spec({ after: [soft('t1', 'skip')] })]);
    await failNext(k);
    await k.engine.retry('t2');
    await submit(k, [spec({ after: [soft('t1', 'skip')] })]);
    expect(k.engine.get('t2').reason).toMatch('waits for t1, which is dead');
    await k.engine.retry('t1');
    await k.engine.result(resultOf(await take(k.engine, 'worker-1'), 'worker-1'));
    expect(k.engine.get('t2').state).toBe('ready');
  });
});

test('a task that goes on from the tip of another cannot begin without it, whatever else it says of it', async () => {
  const k = kit();
  await submit(k, [spec({ retries: 0 }), spec({ after: [soft('t1', 'continue')], on: 't1' })]);
  await failNext(k);
  expect(k.engine.get('t2')).toMatchObject({ state: 'waiting', reason: expect.stringContaining('t1, which is dead') });
});

test('a task cannot name another twice with two policies', async () => {
  const k = kit();
  await submit(k, [spec({})]);
  await expect(k.engine.submit([spec({ after: ['t1', soft('t1', 'skip')] })])).rejects.toMatchObject({
    code: 'bad-task',
    message: expect.stringContaining('waits for t1 twice'),
  });
});
