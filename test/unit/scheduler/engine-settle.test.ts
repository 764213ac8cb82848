import { describe, expect, test } from 'vitest';
import { claimOf, context, failureOf, heartbeatOf, kit, resultOf, spec, take } from './engine-kit.ts';

describe('results', () => {
  test('a task that is done makes ready what waited for it alone', async () => {
    const { engine } = kit();
    await engine.submit([spec(), spec(), spec({ after: ['t1'].slice(1) })]);
    await engine.submit([spec({ after: ['t1', 't2'] }), spec({ on: 't1' })]);
    const order = await take(engine, 'worker-1');
    const said = { summary: 'a button', notes: ['of the result'] };
    expect(await engine.result(resultOf(order, 'worker-1', said))).toEqual({ applied: true });
    expect(engine.get('t1')).toMatchObject({
      state: 'done',
      reason: null,
      result: {
        summary: 'a button',
        commit: 'commit-of-t1',
        branch: 'swarm/task/t1',
        costUsd: 0.25,
        notes: ['of the result'],
      },
      attempts: [{ n: 1, outcome: 'done', endedAt: expect.any(String) }],
    });
    expect(engine.get('t4')).toMatchObject({ state: 'waiting', reason: 'waits for t2' });
    expect(engine.get('t5').state).toBe('ready');
  });

  test('the same result twice is applied once', async () => {
    const { engine, store } = kit();
    await engine.submit([spec()]);
    const result = resultOf(await take(engine, 'worker-1'), 'worker-1');
    await engine.result(result);
    expect(await engine.result(result)).toEqual({ applied: false, reason: 'attempt 1 of t1 has ended already: done' });
    expect(store.events.after(0, 100).map(({ name }) => name)).toEqual([
      'task.submitted',
      'task.leased',
      'task.done',
      'task.result.stale',
    ]);
  });

  test('one that is not of the current attempt changes nothing and says why', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    const old = await take(engine, 'worker-1');
    await engine.result(failureOf(old, 'worker-1'));
    clock.time += 60_000;
    const current = await take(engine, 'worker-2');
    const reasons = [];
    for (const stale of [
      resultOf(old, 'worker-1'),
      resultOf(current, 'worker-1'),
      resultOf({ task: 't1', attempt: 9 }, 'worker-1'),
      resultOf({ task: 't77', attempt: 1 }, 'worker-1'),
      resultOf({ task: 'x', attempt: 1 }, 'worker-1'),
    ]) {
      const { applied, reason } = await engine.result(stale);
      expect(applied).toBe(false);
      reasons.push(reason);
    }
    expect(reasons).toEqual([
      'attempt 2 of t1 is the current one',
      'attempt 2 of t1 belongs to worker-2',
      't1 never had an attempt 9',
      'there is no task t77',
      'there is no task x',
    ]);
    expect(engine.get('t1').state).toBe('leased');
  });

  test('failures are tried again until the retries are used up', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    await engine.submit([spec({ after: ['t1'] })]);
    await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1', { errorClass: null }));
    clock.time += 60_000;
    await engine.result(
      failureOf(await take(engine, 'worker-1'), 'worker-1', {
        outcome: 'timeout',
        errorClass: null,
        error: 'after 30 min',
      }),
    );
    expect(engine.get('t1')).toMatchObject({
      state: 'dead',
      reason: 'failed 2 times, last on worker-1: timeout: after 30 min',
      attempts: [{ errorClass: 'agent' }, { errorClass: 'timeout' }],
    });
    expect(engine.get('t2')).toMatchObject({
      state: 'waiting',
      reason: 'waits for t1, which is dead: retry t1, or cancel this task',
    });
  });

  test('a task that is given back is ready at once and nothing is counted', async () => {
    const { engine } = kit();
    await engine.submit([spec({ retries: 0 })]);
    for (const error of ['the agent is stopped', null]) {
      const order = await take(engine, 'worker-1');
      await engine.result(resultOf(order, 'worker-1', { outcome: 'released', error, commit: null }));
    }
    expect(engine.get('t1')).toMatchObject({ state: 'ready', reason: 'given back by worker-1' });
    expect(await take(engine, 'worker-2')).toMatchObject({ attempt: 3, resume: null });
  });

  test('the cost of a task is that of all its attempts', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
    clock.time += 60_000;
    await engine.result(resultOf(await take(engine, 'worker-1'), 'worker-1'));
    expect(engine.get('t1').result?.costUsd).toBe(0.5);
  });
});

describe('losses', () => {
  test('the same agent goes on with its conversation, and for a minute no other may', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ priority: 'low' }), spec({ priority: 'critical' })]);
    await engine.cancel('t2');
    const order = await take(engine, 'worker-1');
    expect(await engine.noteSession(order.task, order.attempt, 'session-1')).toBe(true);
    expect(await engine.lost({ agent: 'worker-1' }, 'the machine went down')).toEqual(['t1']);
    await engine.submit([spec({ priority: 'critical' })]);
    expect(engine.get('t1')).toMatchObject({
      state: 'ready',
      reason: 'lost on worker-1: lost: the machine went down; kept for worker-1 for 60 s',
    });
    expect(await take(engine, 'worker-2')).toMatchObject({ task: 't3' });
    expect((await engine.claim(claimOf('worker-3'), context)).got).toBe('none');
    clock.time += 59_000;
    expect(await take(engine, 'worker-1', { incarnation: 'new' })).toMatchObject({
      task: 't1',
      attempt: 2,
      resume: { sessionId: 'session-1', since: 0, reason: 'the machine went down' },
    });
  });

  test('where the supervisor had not heard of a first prompt, its worktree may know of one', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 3 })]);
    for (const attempt of [1, 2, 3]) {
      const resume = attempt === 1 ? null : { sessionId: null, since: 1, reason: 'all died' };
      const order = await take(engine, 'worker-1', { incarnation: `${attempt}` });
      expect(order).toMatchObject({ attempt, resume });
      if (attempt === 2) await engine.result(resultOf(order, 'worker-1', { outcome: 'released', error: 'all died' }));
      else await engine.lost({ agent: 'worker-1' }, 'all died');
    }
    await engine.result(
      failureOf(await take(engine, 'worker-1'), 'worker-1', { errorClass: 'setup', error: 'no disk' }),
    );
    clock.time += 3_600_000;
    expect(await take(engine, 'worker-1')).toMatchObject({ attempt: 5, resume: { since: 1 } });
    await engine.passOn('worker-1', 'worker-1', 'stuck');
    expect(await take(engine, 'worker-1')).toMatchObject({ attempt: 6, resume: null });
    await engine.lost({ agent: 'worker-1' }, 'all died');
    expect(await take(engine, 'worker-1')).toMatchObject({ attempt: 7, resume: { since: 6 } });
  });

  test('after a minute any agent may take it, from the beginning', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    await engine.noteSession(order.task, order.attempt, 'session-1');
    await engine.lost({ agent: 'worker-1' }, 'gone');
    expect(engine.nextDue()).toBe(clock.time + 60_000);
    clock.time += 60_000;
    expect(await engine.tick()).toEqual(['t1']);
    expect(await take(engine, 'worker-2')).toMatchObject({
      resume: null,
      history: [{ outcome: 'lost', error: 'gone' }],
    });
    expect(await engine.noteSession(order.task, order.attempt, 'too-late')).toBe(false);
  });

  test('its own lost or stopped task comes before any other, as long as it had no other since', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ priority: 'low' })]);
    const order = await take(engine, 'worker-1');
    await engine.result(resultOf(order, 'worker-1', { outcome: 'released', sessionId: 'session-1' }));
    await engine.submit([spec({ priority: 'high' })]);
    clock.time += 3_600_000;
    expect(await take(engine, 'worker-1')).toMatchObject({
      task: 't1',
      resume: { sessionId: 'session-1', since: 0, reason: 'attempt 1 was released' },
    });
  });

  test('a conversation is not gone on with when the agent worked on something else since', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    await engine.result(
      resultOf(order, 'worker-1', { outcome: 'lost', errorClass: 'lost', sessionId: 'session-1', commit: null }),
    );
    clock.time += 60_000;
    const other = await take(engine, 'worker-2');
    await engine.result(resultOf(other, 'worker-2', { outcome: 'released' }));
    expect(await take(engine, 'worker-1')).toMatchObject({ task: 't1', attempt: 3, resume: null });
  });

  test('attempts that live on are left alone', async () => {
    const { engine } = kit();
    await engine.submit([spec({ command: ['a'] }), spec({ command: ['b'] })]);
    for (const slot of [0, 1]) await take(engine, 'shell-1', { kind: 'shell', slot });
    expect(await engine.lost({ agent: 'shell-1', except: [{ task: 't1', attempt: 1 }] }, 'gone')).toEqual(['t2']);
    expect(await engine.lost({ agent: 'shell-1', incarnation: 'other' }, 'gone')).toEqual([]);
    expect(engine.get('t1').state).toBe('leased');
  });

  test('the sixth loss is the last', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    for (let n = 0; n < 6; n += 1) {
      await take(engine, 'worker-1', { incarnation: `i${n}` });
      await engine.lost({ agent: 'worker-1' }, 'killed');
    }
    expect(engine.get('t1')).toMatchObject({ state: 'dead', reason: 'lost 6 times, last on worker-1: lost: killed' });
  });

  test('work that was finished before the crash counts when its result comes at last', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await engine.submit([spec({ after: ['t1'] })]);
    const order = await take(engine, 'worker-1');
    await engine.lost({ agent: 'worker-1' }, 'the machine went down');
    expect(await engine.result(resultOf(order, 'worker-1'))).toEqual({ applied: true });
    expect(engine.get('t1')).toMatchObject({ state: 'done', attempts: [{ outcome: 'done' }] });
    expect(engine.get('t2').state).toBe('ready');
  });

  test('but not when another attempt has begun', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    await engine.lost({ agent: 'worker-1' }, 'the machine went down');
    await take(engine, 'worker-1', { incarnation: 'new' });
    expect((await engine.result(resultOf(order, 'worker-1'))).applied).toBe(false);
  });

  test('nor when another has begun and was given back: the branch may be changed', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    await engine.lost({ agent: 'worker-1' }, 'the machine went down');
    const second = await take(engine, 'worker-1', { incarnation: 'new' });
    await engine.result(resultOf(second, 'worker-1', { outcome: 'released' }));
    expect((await engine.result(resultOf(order, 'worker-1'))).applied).toBe(false);
    expect(engine.get('t1').state).toBe('ready');
  });
});

describe('what a person does', () => {
  test('a task that no agent holds is cancelled at once, and a second time changes nothing', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await engine.submit([spec({ after: ['t1'] })]);
    expect(await engine.cancel('t1')).toMatchObject({ lease: null, task: { state: 'cancelled' } });
    expect(await engine.cancel('1')).toMatchObject({ task: { state: 'cancelled' } });
    expect(engine.get('t2').reason).toBe('waits for t1, which is cancelled: retry t1, or cancel this task');
    expect((await engine.claim(claimOf('worker-1'), context)).got).toBe('none');
  });

  test('a task that an agent holds is cancelled when its wrapper has stopped', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    for (let n = 0; n < 2; n += 1) {
      expect(await engine.cancel('t1')).toMatchObject({
        lease: { agent: 'worker-1', task: 't1', attempt: 1 },
        task: { reason: 'is being cancelled on worker-1' },
      });
    }
    expect((await engine.heartbeat(heartbeatOf('worker-1', [order], 'running'))).cancel).toEqual([
      { task: 't1', attempt: 1 },
    ]);
    await engine.result(resultOf(order, 'worker-1', { outcome: 'cancelled', commit: null }));
    expect(engine.get('t1')).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled while worker-1 worked on it',
      result: null,
    });
    expect(engine.leases()).toEqual([]);
  });

  test.each(['done', 'failed', 'released'] as const)(
    'a cancel wins over an attempt that ends as %s',
    async (outcome) => {
      const { engine } = kit();
      await engine.submit([spec()]);
      await engine.submit([spec({ after: ['t1'] })]);
      const order = await take(engine, 'worker-1');
      await engine.cancel('t1');
      await engine.result(resultOf(order, 'worker-1', { outcome }));
      expect(engine.get('t1')).toMatchObject({
        state: 'cancelled',
        attempts: [{ outcome }],
        result: { commit: 'commit-of-t1' },
      });
      expect(engine.get('t2').state).toBe('waiting');
    },
  );

  test('a cancelled task whose agent died is cancelled, not tried again', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await take(engine, 'worker-1');
    await engine.cancel('t1');
    await engine.lost({ agent: 'worker-1' }, 'killed');
    expect(engine.get('t1').state).toBe('cancelled');
  });

  test('a dead task is tried again with its history kept and its retries renewed', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    for (let n = 0; n < 2; n += 1) {
      await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
      clock.time += 60_000;
    }
    expect(await engine.retry('t1')).toMatchObject({ state: 'ready', reason: null, attempts: [{ n: 1 }, { n: 2 }] });
    await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
    expect(engine.get('t1').state).toBe('retrying');
    await engine.cancel('t1');
    await engine.retry('t1');
    expect(await take(engine, 'worker-1')).toMatchObject({ attempt: 4 });
  });

  test('a retried task still waits for what it waited for', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await engine.submit([spec({ after: ['t1'] })]);
    await engine.cancel('t2');
    expect(await engine.retry('t2')).toMatchObject({ state: 'waiting', reason: 'waits for t1' });
  });

  test('what cannot be done says why', async () => {
    const { engine } = kit();
    await engine.submit([spec(), spec()]);
    await engine.result(resultOf(await take(engine, 'worker-1'), 'worker-1'));
    await expect(engine.cancel('t1')).rejects.toMatchObject({
      code: 'task-state',
      hint: expect.stringContaining('swarm diff t1'),
    });
    await expect(engine.retry('t1')).rejects.toMatchObject({
      code: 'task-state',
      hint: expect.stringContaining('--on t1'),
    });
    await expect(engine.retry('t2')).rejects.toMatchObject({
      code: 'task-state',
      message: expect.stringContaining('t2 is ready'),
    });
    await expect(engine.cancel('t20')).rejects.toMatchObject({ code: 'unknown-task', hint: 'Did you mean t2?' });
  });
});

describe('what others see', () => {
  test('listeners hear of a change when it is committed, and one that throws does no harm', async () => {
    const errors: unknown[] = [];
    const { engine } = kit({ onError: (error) => errors.push(error) });
    const heard: string[][] = [];
    const names: string[] = [];
    engine.onChange(() => {
      throw new Error('a bad listener');
    });
    const stop = engine.onChange((ids) => heard.push(ids));
    engine.onEvents((events) => names.push(...events.map(({ name }) => name)));
    await engine.submit([spec(), spec()]);
    await take(engine, 'worker-1');
    stop();
    await engine.cancel('t2');
    expect(heard).toEqual([['t1', 't2'], ['t1']]);
    expect(names).toEqual(['task.submitted', 'task.submitted', 'task.leased', 'task.cancelled']);
    expect(errors).toHaveLength(3);
  });

  test('lists are newest first, by state, and in pages', async () => {
    const { engine } = kit();
    await engine.submit(Array.from({ length: 5 }, () => spec()));
    await engine.submit([spec({ after: ['t1', 't2', 't3', 't4', 't5'] }), spec({ needs: ['gpu'], agent: 'worker-9' })]);
    await engine.submit([spec({ after: ['t1', 't2', 't3', 't4', 't5', 't7'] })]);
    await engine.cancel('t3');
    expect(engine.list({ limit: 2 }).map(({ id }) => id)).toEqual(['t8', 't7']);
    expect(engine.list({ limit: 2, before: 't7' }).map(({ id }) => id)).toEqual(['t6', 't5']);
    expect(engine.list({ state: 'cancelled' }).map(({ id }) => id)).toEqual(['t3']);
    expect(engine.get('t7').reason).toBe('only for worker-9; needs gpu');
    await engine.retry('t3');
    expect(engine.get('t8').reason).toBe('waits for t1, t2, t3, t4, t5 and 1 more');
    expect(engine.counts()).toEqual({
      waiting: 2,
      ready: 6,
      leased: 0,
      running: 0,
      verifying: 0,
      retrying: 0,
      done: 0,
      dead: 0,
      cancelled: 0,
    });
    expect(engine.readyCount()).toBe(6);
  });
});

describe('what an agent had in hand is put back', () => {
  const reason = 'a person set the files back to checkpoint 3';
  const sessionId = 's-cut';
  const begun = async (engine: ReturnType<typeof kit>['engine']) => {
    const order = await take(engine, 'worker-1');
    await engine.noteSession(order.task, order.attempt, 's-own');
    return order;
  };

  test('for that agent alone, to go on in the conversation that is named', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    const order = await begun(engine);
    await expect(engine.putBack('worker-1', { worktree: 'as-it-is', sessionId, reason })).resolves.toEqual([
      order.task,
    ]);
    expect(await engine.claim(claimOf('worker-2'), context)).toMatchObject({ got: 'none' });
    expect(await take(engine, 'worker-1', { incarnation: 'next' })).toMatchObject({
      attempt: 2,
      resume: { sessionId, reason },
    });
  });

  test('in a fresh conversation where there is none, or from the beginning', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await begun(engine);
    await engine.putBack('worker-1', { worktree: 'as-it-is', sessionId: null, reason });
    const again = await take(engine, 'worker-1');
    expect(again.resume).toEqual({ sessionId: null, since: 0, reason });
    await engine.putBack('worker-1', { worktree: 'as-it-is', sessionId: null, reason });
    expect((await take(engine, 'worker-1')).resume, 'also where no attempt came to a first prompt').toEqual(
      again.resume,
    );
    await engine.putBack('worker-1', { worktree: 'anew', sessionId: null, reason });
    expect((await take(engine, 'worker-1')).resume, 'what is there is older').toMatchObject({
      sessionId: null,
      since: 3,
    });
  });

  test('begins anew where it had not come to its first word: the worktree may be that of another task', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await take(engine, 'worker-1');
    await engine.putBack('worker-1', { worktree: 'as-it-is', sessionId: 'of-the-task-before', reason });
    expect((await take(engine, 'worker-1')).resume).toEqual({ sessionId: null, since: 1, reason });
  });

  test('goes on in its own conversation where none is named, and from what it was set back to in any case', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    await begun(engine);
    await engine.putBack('worker-1', { worktree: 'as-it-is', reason });
    expect((await take(engine, 'worker-1')).resume).toEqual({ sessionId: 's-own', since: 0, reason });
    await engine.putBack('worker-1', { worktree: 'anew', reason });
    expect((await take(engine, 'worker-1')).resume).toMatchObject({ sessionId: null, since: 2 });
    await engine.putBack('worker-1', { worktree: 'of-task', reason });
    expect((await take(engine, 'worker-1')).resume).toEqual({ sessionId: null, since: 0, reason });
    await engine.putBack('worker-1', { worktree: 'anew', reason });
    await take(engine, 'worker-1');
    await engine.putBack('worker-1', { worktree: 'of-task', sessionId, reason });
    expect((await take(engine, 'worker-1')).resume).toEqual({ sessionId, since: 0, reason });
  });

  test('waits for its agent as long as that is held, else a minute', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    await take(engine, 'worker-1');
    await engine.putBack('worker-1', { worktree: 'as-it-is', sessionId, reason });
    for (let minutes = 0; minutes < 5; minutes += 1) {
      clock.time += 40_000;
      await engine.keepReserved(new Set(['worker-1']));
    }
    expect(await engine.claim(claimOf('worker-2'), context)).toMatchObject({ got: 'none' });
    clock.time += 61_000;
    expect(await engine.claim(claimOf('worker-2'), context)).toMatchObject({ got: 'task' });
  });

  test('a task that was being cancelled is cancelled', async () => {
    const { engine } = kit();
    await engine.submit([spec()]);
    const { task } = await take(engine, 'worker-1');
    await engine.cancel(task);
    await engine.putBack('worker-1', { worktree: 'as-it-is', sessionId, reason });
    expect(engine.get(task).state).toBe('cancelled');
  });
});

describe('what an agent came to nothing with', () => {
  const reason = 'stuck: no answer of the API';

  test('another begins anew, before all others, and it counts as a failure', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    const { task } = await take(engine, 'worker-1');
    await expect(engine.passOn('worker-1', 'worker-2', reason)).resolves.toEqual([task]);
    expect(engine.get(task).attempts[0]).toMatchObject({ outcome: 'failed', error: reason });
    expect(await engine.claim(claimOf('worker-1', { incarnation: 'next' }), context)).toMatchObject({ got: 'none' });
    expect(await take(engine, 'worker-2')).toMatchObject({ attempt: 2, resume: null, history: [{ error: reason }] });
    await engine.passOn('worker-2', 'worker-1', reason);
    expect(engine.get(task).state, 'its retries are used up').toBe('dead');
    clock.time += 1;
  });

  test('is open to all when the other does not come', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    await take(engine, 'worker-1');
    await engine.passOn('worker-1', 'worker-2', reason);
    clock.time += 61_000;
    expect(await engine.claim(claimOf('worker-3'), context)).toMatchObject({ got: 'task' });
  });

  test('begins anew also where it comes back to the same agent, whose conversation was stuck', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    const order = await take(engine, 'worker-1');
    await engine.noteSession(order.task, order.attempt, 's-stuck');
    await engine.passOn('worker-1', 'worker-2', reason);
    clock.time += 61_000;
    expect(await take(engine, 'worker-1', { incarnation: 'next' })).toMatchObject({ attempt: 2, resume: null });
  });

  test('counts as failed at the end of the ladder', async () => {
    const { engine } = kit();
    await engine.submit([spec({ retries: 0 })]);
    const { task } = await take(engine, 'worker-1');
    await expect(engine.failHeld('worker-1', reason)).resolves.toEqual([task]);
    expect(engine.get(task)).toMatchObject({ state: 'dead', attempts: [{ outcome: 'failed', error: reason }] });
    expect(engine.find('t999')).toBeUndefined();
  });

  test('and begins anew when it is tried once more, also in the same agent', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ retries: 1 })]);
    const { task, attempt } = await take(engine, 'worker-1');
    await engine.noteSession(task, attempt, 's-stuck');
    await engine.failHeld('worker-1', reason);
    clock.time += 3_600_000;
    expect(await take(engine, 'worker-1')).toMatchObject({ task, attempt: 2, resume: null });
  });
});
