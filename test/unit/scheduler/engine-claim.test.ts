import { describe, expect, test, vi } from 'vitest';
import {
  claimOf,
  context,
  failureOf,
  heartbeatOf,
  kit,
  LEASE_MS,
  orderOf,
  resultOf,
  spec,
  take,
} from './engine-kit.ts';

describe('claiming', () => {
  test('the order has everything that an agent needs', async () => {
    const { engine } = kit();
    await engine.submit([spec({ title: 'base', key: 'base' }), spec({ title: 'side', key: 'side' })]);
    for (const agent of ['worker-1', 'worker-2'])
      await engine.result(resultOf(await take(engine, agent), agent, { summary: `by ${agent}` }));
    await engine.submit([spec({ title: 'both', prompt: 'merge', after: ['base', 'side'], on: 'base', budgetUsd: 2 })]);
    expect(await take(engine, 'worker-3')).toEqual({
      task: 't3',
      attempt: 1,
      slot: 0,
      title: 'both',
      kind: 'claude',
      prompt: 'merge',
      command: null,
      leaseMs: LEASE_MS,
      base: { branch: 'main', commit: 'c0ffee' },
      dependencies: [{ task: 't2', title: 'side', commit: 'commit-of-t2', summary: 'by worker-2' }],
      on: { task: 't1', title: 'base', commit: 'commit-of-t1', summary: 'by worker-1' },
      timeoutMs: null,
      verify: null,
      verifyFollowUps: 1,
      budgetUsd: 2,
      resume: null,
      history: [],
    });
  });

  test('a claim that is repeated gets the same order, whatever changed meanwhile', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec(), spec()]);
    const first = await take(engine, 'worker-1');
    clock.time += 5_000;
    const again = await engine.claim(claimOf('worker-1'), {
      leaseMs: 1,
      decorate: () => ({ base: { branch: null, commit: 'other' }, verify: null, verifyFollowUps: 9 }),
    });
    expect(orderOf(again)).toEqual(first);
    expect(engine.counts()).toMatchObject({ leased: 1, ready: 1 });
  });

  test('a slot held by an earlier incarnation gets nothing until that one is proved gone', async () => {
    const { engine } = kit();
    await engine.submit([spec(), spec()]);
    await take(engine, 'worker-1');
    const reply = await engine.claim(claimOf('worker-1', { incarnation: 'worker-1-2' }), context);
    expect(reply).toEqual({ got: 'none', reason: expect.stringContaining('still holds t1') });
    await engine.lost({ agent: 'worker-1', incarnation: 'worker-1-1' }, 'killed');
    expect(await take(engine, 'worker-1', { incarnation: 'worker-1-2' })).toMatchObject({ task: 't1', attempt: 2 });
  });

  test('each slot of an agent has a lease of its own', async () => {
    const { engine } = kit();
    await engine.submit([spec({ command: ['true'] }), spec({ command: ['false'] })]);
    const orders = [];
    for (const slot of [0, 1]) orders.push(await take(engine, 'shell-1', { kind: 'shell', slot }));
    expect(orders.map(({ task, slot, command }) => ({ task, slot, command }))).toEqual([
      { task: 't1', slot: 0, command: ['true'] },
      { task: 't2', slot: 1, command: ['false'] },
    ]);
  });

  test('kind, capabilities and the named agent decide which agent gets it', async () => {
    const { engine } = kit();
    await engine.submit([
      spec({ command: ['true'] }),
      spec({ needs: ['gpu'] }),
      spec({ agent: 'worker-9' }),
      spec({ title: 'for all' }),
    ]);
    expect(await take(engine, 'worker-1')).toMatchObject({ title: 'for all' });
    expect(await engine.claim(claimOf('worker-2'), context)).toEqual({
      got: 'none',
      reason: 'no ready task fits this agent',
    });
    expect(engine.hasWorkFor(claimOf('worker-2'))).toBe(false);
    expect(engine.hasWorkFor({ ...claimOf('worker-2'), capabilities: ['gpu'] })).toBe(true);
    expect(await take(engine, 'worker-2', { capabilities: ['gpu'] })).toMatchObject({ task: 't2' });
    expect(await take(engine, 'worker-9')).toMatchObject({ task: 't3' });
    expect(await take(engine, 'shell-1', { kind: 'shell' })).toMatchObject({ task: 't1' });
    expect(await engine.claim(claimOf('worker-3'), context)).toEqual({ got: 'none', reason: 'no task is ready' });
    expect(engine.get('t2').reason).toBe('on worker-2');
  });

  test('ready tasks are counted by kind, needs and name of their claimers, up to a bound', async () => {
    const { engine } = kit();
    await engine.submit([
      spec(),
      spec(),
      spec(),
      spec({ needs: ['gpu'] }),
      spec({ command: ['true'], agent: 'shell-1' }),
    ]);
    await take(engine, 'worker-1', { capabilities: ['gpu'] });
    await engine.lost({ agent: 'worker-1' }, 'killed');
    expect(engine.readyLanes(1)).toEqual([
      { lane: { kind: 'claude', agent: null, needs: ['gpu'], reservedFor: null }, count: 1 },
      { lane: { kind: 'claude', agent: null, needs: [], reservedFor: 'worker-1' }, count: 1 },
      { lane: { kind: 'claude', agent: null, needs: [], reservedFor: null }, count: 1 },
      { lane: { kind: 'shell', agent: 'shell-1', needs: [], reservedFor: null }, count: 1 },
    ]);
    expect(engine.readyLanes(10).map(({ count }) => count)).toEqual([1, 1, 2, 1]);
  });

  test('the best task of all lanes comes first', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ priority: 'low', title: 'low' })]);
    clock.time += 20 * 60_000;
    await engine.submit([
      spec({ priority: 'normal', title: 'normal' }),
      spec({ priority: 'high', title: 'high', needs: ['gpu'] }),
      spec({ priority: 'critical', title: 'critical', agent: 'worker-1' }),
    ]);
    const titles = [];
    for (let slot = 0; slot < 4; slot += 1)
      titles.push((await take(engine, 'worker-1', { slot, capabilities: ['gpu'] })).title);
    expect(titles).toEqual(['critical', 'high', 'low', 'normal']);
  });

  test('a task whose order cannot be made has failed, and does not keep the next from being claimed', async () => {
    const { engine } = kit();
    await engine.submit([spec({ verify: 'gone', retries: 0 }), spec()]);
    const reply = await engine.claim(claimOf('worker-1'), {
      leaseMs: LEASE_MS,
      decorate: (task) => {
        if (task.verify !== null) throw new Error('there is no verify "gone"');
        return context.decorate(task);
      },
    });
    expect(orderOf(reply)).toMatchObject({ task: 't2' });
    expect(engine.get('t1')).toMatchObject({
      state: 'dead',
      reason: expect.stringContaining('there is no verify "gone"'),
      attempts: [{ errorClass: 'setup' }],
    });
  });

  test('an attempt whose order cannot be made leaves the conversation to the next one', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    const { task } = await take(engine, 'worker-1');
    await engine.noteSession(task, 1, 's1');
    await engine.lost({ agent: 'worker-1' }, 'killed');
    const decorate = (): never => {
      throw new Error('there is no verify "gone"');
    };
    await engine.claim(claimOf('worker-1', { incarnation: 'next' }), { leaseMs: LEASE_MS, decorate });
    clock.time += 10_000;
    expect(await take(engine, 'worker-1', { incarnation: 'next' })).toMatchObject({
      attempt: 3,
      resume: { sessionId: 's1' },
    });
  });

  test('ten such tasks are enough for one claim', async () => {
    const { engine } = kit();
    await engine.submit(Array.from({ length: 11 }, () => spec()));
    const broken = {
      leaseMs: LEASE_MS,
      decorate: (): never => {
        throw new Error('no');
      },
    };
    expect(await engine.claim(claimOf('worker-1'), broken)).toMatchObject({ got: 'none' });
    expect(engine.counts()).toMatchObject({ retrying: 10, ready: 1 });
  });
});

describe('heartbeats', () => {
  test('carry the phase and extend the lease', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    const order = await take(engine, 'worker-1');
    const states = [];
    for (const phase of ['running', 'asking', 'verifying', 'running', 'reporting', 'preparing'] as const) {
      clock.time += 50_000;
      expect(await engine.heartbeat(heartbeatOf('worker-1', [order], phase))).toEqual({ drop: [], cancel: [] });
      states.push(engine.get('t1').state);
    }
    expect(states).toEqual(['running', 'running', 'verifying', 'running', 'running', 'leased']);
    expect(engine.expired()).toEqual([]);
    clock.time += LEASE_MS;
    expect(engine.expired()).toMatchObject([{ task: 't1', attempt: 1, agent: 'worker-1', slot: 0 }]);
    expect(engine.get('t1').state).toBe('leased');
  });

  test('that are not worth a write are answered all the same, and the lease has most of its time at each of them', async () => {
    const { engine, clock, store } = kit();
    await engine.submit([spec()]);
    const beat = heartbeatOf('worker-1', [await take(engine, 'worker-1')], 'running');
    await engine.heartbeat(beat);
    const write = vi.spyOn(store, 'write');
    for (let second = 0; second < 120; second += 1) {
      clock.time += 1_000;
      expect(await engine.heartbeat(beat)).toEqual({ drop: [], cancel: [] });
      expect((engine.leases()[0]?.expiresAt ?? 0) - clock.time).toBeGreaterThan(LEASE_MS * (7 / 8));
    }
    expect(write).toHaveBeenCalledTimes(120 / 8);
    await engine.cancel('t1');
    expect((await engine.heartbeat(beat)).cancel).toEqual([{ task: 't1', attempt: 1 }]);
    // The clock was set back: a lease that seems to end late ends as soon as it should.
    clock.time -= 3_600_000;
    await engine.heartbeat(beat);
    expect(engine.leases()[0]?.expiresAt).toBe(clock.time + LEASE_MS);
  });

  test('attempts that are not this process’s own are named to be dropped', async () => {
    const { engine } = kit();
    await engine.submit([spec(), spec()]);
    const mine = await take(engine, 'worker-1');
    const theirs = await take(engine, 'worker-2');
    const beat = heartbeatOf(
      'worker-1',
      [mine, { ...mine, attempt: 2 }, theirs, { task: 'nonsense', attempt: 1 }],
      'running',
    );
    expect((await engine.heartbeat(beat)).drop).toEqual([
      { task: 't1', attempt: 2 },
      { task: 't2', attempt: 1 },
      { task: 'nonsense', attempt: 1 },
    ]);
    expect((await engine.heartbeat({ ...beat, incarnation: 'other' })).drop).toContainEqual({ task: 't1', attempt: 1 });
  });

  test('while the supervisor was away leases do not run out', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    await take(engine, 'worker-1');
    clock.time += 10 * LEASE_MS;
    expect(await engine.moveLeases(10 * LEASE_MS)).toBe(1);
    expect(engine.expired()).toEqual([]);
    expect(engine.leases()).toEqual(engine.leases('worker-1'));
    expect(engine.leases('worker-2')).toEqual([]);
  });

  test('a lease that was taken since the clock was set back is not made shorter, one from before lasts no longer', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec(), spec()]);
    await take(engine, 'worker-1');
    clock.time -= 50 * LEASE_MS;
    await take(engine, 'worker-2');
    await engine.moveLeases(-50 * LEASE_MS);
    expect(engine.leases().map(({ expiresAt }) => expiresAt - clock.time)).toEqual([LEASE_MS, LEASE_MS]);
  });

  test('a failed task is not claimable before its time, and then it is', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
    expect(engine.get('t1')).toMatchObject({
      state: 'retrying',
      reason: 'retry in 1 s after: agent: it does not compile',
    });
    expect((await engine.claim(claimOf('worker-1'), context)).got).toBe('none');
    expect(engine.nextDue()).toBe(clock.time + 500);
    expect(await engine.tick()).toEqual([]);
    clock.time += 500;
    expect(await engine.tick()).toEqual(['t1']);
    expect(engine.nextDue()).toBeNull();
    expect(await take(engine, 'worker-2')).toMatchObject({
      attempt: 2,
      history: [{ attempt: 1, agent: 'worker-1', outcome: 'failed', error: 'it does not compile' }],
    });
  });

  test('a clock that was set back by a day does not delay retries by a day', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec()]);
    await engine.result(failureOf(await take(engine, 'worker-1'), 'worker-1'));
    clock.time -= 86_400_000;
    expect(await engine.tick()).toEqual(['t1']);
  });
});
