import { describe, expect, test } from 'vitest';
import type { ClaimReply, Payload } from '../../../../src/coordination/messages.ts';
import { missingTickets, type ReadyTasks, type FreeSlot } from '../../../../src/coordination/tickets.ts';
import { able, decorate, refusal } from '../../../../src/supervisor/tasks/claims.ts';
import { Dispatch, type Refusal } from '../../../../src/supervisor/tasks/dispatch.ts';
import { config, record, settled, silentLog, snapshot, Time } from '../kit.ts';

type Claim = Payload<'task.claim'>;

const any = (fields: Partial<ReadyTasks> = {}): ReadyTasks => ({
  kind: 'claude',
  needs: [],
  only: null,
  count: 1,
  ...fields,
});
const slot = (agent: string, fields: Partial<FreeSlot> = {}): FreeSlot => ({
  agent,
  slot: 0,
  kind: 'claude',
  capabilities: [`@${agent}`],
  ...fields,
});
const none = new Map<string | null, number>();

describe('which tickets are missing', () => {
  test.each<[string, ReadyTasks[], FreeSlot[], Map<string | null, number>, (string | null)[]]>([
    ['one task and three free agents: one', [any()], [slot('a'), slot('b'), slot('c')], none, [null]],
    [
      'as many as there are free agents, not as there are tasks',
      [any({ count: 1_000_000 })],
      [slot('a'), slot('b')],
      none,
      [null, null],
    ],
    ['none while no agent is free', [any()], [], none, []],
    ['none for what is out already', [any({ count: 2 })], [slot('a'), slot('b')], new Map([[null, 1]]), [null]],
    [
      'a shell task goes to the shell agents',
      [any({ kind: 'shell' })],
      [slot('a'), slot('s', { kind: 'shell' })],
      none,
      ['shell'],
    ],
    ['a pinned task goes to its agent alone', [any({ only: 'b' })], [slot('a'), slot('b')], none, ['@b']],
    ['a pinned task whose agent is not free waits', [any({ only: 'c' })], [slot('a'), slot('b')], none, []],
    [
      'a task with needs goes to an able agent',
      [any({ needs: ['gpu'] })],
      [slot('a'), slot('g', { capabilities: ['gpu'] })],
      none,
      ['@g'],
    ],
    [
      'the only able agent is not given away to a task that any agent could take',
      [any(), any({ needs: ['gpu'] })],
      [slot('g', { capabilities: ['gpu'] }), slot('a')],
      none,
      ['@g', null],
    ],
    [
      'several pinned tasks',
      [any({ only: 'b' }), any({ only: 'a' }), any()],
      [slot('a'), slot('b')],
      none,
      ['@b', '@a'],
    ],
    [
      'a slot each',
      [any({ kind: 'shell', count: 5 })],
      [slot('s', { kind: 'shell' }), slot('s', { kind: 'shell', slot: 1 })],
      none,
      ['shell', 'shell'],
    ],
  ])('%s', (_name, candidates, free, outstanding, expected) => {
    expect(missingTickets(candidates, free, outstanding)).toEqual(expected);
  });
});

const claimOf = (agent: string, fields: Partial<Claim> = {}): Claim => ({
  agent,
  kind: 'claude',
  capabilities: [`@${agent}`],
  slot: 0,
  incarnation: `${agent}-first`,
  ...fields,
});

function scene() {
  const time = new Time();
  const published: (string | null)[] = [];
  const state = {
    candidates: [] as ReadyTasks[],
    reply: { got: 'none', reason: 'no task is ready' } as ClaimReply | Error,
    connected: true,
    unable: new Set<string>(),
    refusals: new Map<string, Refusal>(),
    publishing: (_route: string | null): Promise<void> => Promise.resolve(),
  };
  const dispatch = new Dispatch({
    log: silentLog,
    candidates: (limit) =>
      state.candidates.map((candidate) => ({ ...candidate, count: Math.min(limit, candidate.count) })),
    refusal: (claim) => state.refusals.get(claim.agent) ?? null,
    claim: async () => {
      if (state.reply instanceof Error) throw state.reply;
      return state.reply;
    },
    able: (agent) => !state.unable.has(agent),
    publishTicket: (route) => {
      published.push(route);
      return state.publishing(route);
    },
    connected: () => state.connected,
    now: time.now,
  });
  return {
    time,
    published,
    state,
    dispatch,
    /** Tickets that were published since the last call. */
    async news(): Promise<(string | null)[]> {
      await settled();
      return published.splice(0);
    },
  };
}

describe('dispatch', () => {
  test('a task that becomes ready wakes one waiting slot', async () => {
    const w = scene();
    await w.dispatch.claim(claimOf('worker-1'));
    await w.dispatch.claim(claimOf('worker-2'));
    expect(await w.news()).toEqual([]);
    w.state.candidates = [any()];
    w.dispatch.changed();
    w.dispatch.changed();
    expect(await w.news()).toEqual([null]);
  });

  test('what became ready while a claim was being answered is not overlooked', async () => {
    const w = scene();
    const claiming = w.dispatch.claim(claimOf('worker-1'));
    w.state.candidates = [any()];
    w.dispatch.changed();
    await claiming;
    expect(await w.news()).toEqual([null]);
  });

  test('a slot that got a task waits no more', async () => {
    const w = scene();
    await w.dispatch.claim(claimOf('worker-1'));
    w.state.reply = { got: 'task', order: {} as never };
    await w.dispatch.claim(claimOf('worker-1'));
    w.state.candidates = [any()];
    w.dispatch.changed();
    expect(await w.news()).toEqual([]);
  });

  test('a ticket that leads to no claim is issued again after ten seconds, not before', async () => {
    const w = scene();
    w.state.candidates = [any()];
    await w.dispatch.claim(claimOf('worker-1'));
    expect(await w.news()).toEqual([null]);
    for (let second = 1; second <= 10; second += 1) {
      w.time.pass(1_000);
      w.dispatch.tick();
    }
    expect(await w.news()).toEqual([]);
    w.time.pass(1_000);
    w.dispatch.tick();
    expect(await w.news()).toEqual([null]);
  });

  test('a route on which tickets are answered keeps no other from being mended', async () => {
    const w = scene();
    w.state.candidates = [any(), any({ only: 'worker-2' })];
    await w.dispatch.claim(claimOf('worker-2'));
    expect(await w.news()).toEqual(['@worker-2']);
    await w.dispatch.claim(claimOf('worker-1'));
    for (let second = 1; second <= 11; second += 1) {
      w.time.pass(1_000);
      w.dispatch.tick();
      await w.dispatch.claim(claimOf('worker-1'));
      await settled();
    }
    expect((await w.news()).filter((route) => route !== null)).toEqual(['@worker-2']);
  });

  test('a claimer that gets nothing from the store, although a task seems to be ready, does not go round at full speed', async () => {
    const w = scene();
    w.state.candidates = [any()];
    let claims = 0;
    w.state.publishing = async () => {
      // Every ticket is answered by a claim at once, as by an idle agent.
      claims += 1;
      if (claims < 1_000) void w.dispatch.claim(claimOf('worker-1'));
    };
    await w.dispatch.claim(claimOf('worker-1'));
    await settled(20);
    expect(claims).toBeLessThanOrEqual(2);
    for (let second = 0; second < 60; second += 1) {
      w.time.pass(1_000);
      w.dispatch.tick();
      await settled(5);
    }
    expect(claims).toBeLessThan(15);
    // A real change has its effect at once all the same.
    const before = claims;
    w.dispatch.changed();
    await settled(5);
    expect(claims).toBeGreaterThan(before);
  });

  test('a store that cannot write answers with nothing, and the claimer waits on', async () => {
    const w = scene();
    w.state.reply = new Error('the disk is full');
    await expect(w.dispatch.claim(claimOf('worker-1'))).resolves.toEqual({
      got: 'none',
      reason: 'the supervisor cannot give out tasks now: the disk is full',
    });
    w.state.reply = { got: 'none', reason: '' };
    w.state.candidates = [any()];
    w.dispatch.changed();
    expect(await w.news()).toEqual([null]);
  });

  test('nothing is published while there is no broker, and what is missing as soon as there is one', async () => {
    const w = scene();
    w.state.connected = false;
    w.state.candidates = [any()];
    await w.dispatch.claim(claimOf('worker-1'));
    expect(await w.news()).toEqual([]);
    w.state.connected = true;
    w.dispatch.pump();
    expect(await w.news()).toEqual([null]);
    w.dispatch.pump();
    expect(await w.news()).toEqual([]);
    w.dispatch.brokerLost();
    w.dispatch.pump();
    expect(await w.news()).toEqual([null]);
  });

  test('a ticket that the broker refused is tried again with the next tick', async () => {
    const w = scene();
    w.state.candidates = [any()];
    w.state.publishing = () => Promise.reject(new Error('blocked'));
    await w.dispatch.claim(claimOf('worker-1'));
    expect(await w.news()).toEqual([null]);
    w.dispatch.tick();
    expect(await w.news()).toEqual([null]);
  });

  test('no tickets for agents that would not act on them, and all of them once they would', async () => {
    const w = scene();
    w.state.candidates = [any()];
    w.state.unable.add('worker-1');
    await w.dispatch.claim(claimOf('worker-1'));
    w.time.pass(60_000);
    w.dispatch.tick();
    expect(await w.news()).toEqual([]);
    w.state.unable.clear();
    w.dispatch.tick();
    expect(await w.news()).toEqual([null]);
  });

  test('a claimer that is refused for a while waits, one that must go is forgotten', async () => {
    const w = scene();
    w.state.candidates = [any({ count: 9 })];
    w.state.refusals.set('paused', { reason: 'not wanted up', waits: true });
    w.state.refusals.set('stranger', { reason: 'no agent of this swarm', waits: false });
    expect(await w.dispatch.claim(claimOf('paused'))).toEqual({ got: 'none', reason: 'not wanted up' });
    expect(await w.dispatch.claim(claimOf('stranger'))).toEqual({ got: 'none', reason: 'no agent of this swarm' });
    expect(await w.news()).toEqual([null]);
    w.dispatch.forget('paused');
    w.dispatch.brokerLost();
    w.dispatch.changed();
    expect(await w.news()).toEqual([]);
  });
});

describe('the claimers that may claim', () => {
  const fleetOf = (agent = record(), desired: 'up' | 'paused' | 'stopped' = 'up') => ({
    get: (id: string) => (id === agent.id ? agent : undefined),
    desired: () => desired,
  });
  const linked = (): ReturnType<typeof record> => {
    const agent = record();
    agent.observed.linked = true;
    agent.observed.snapshot = snapshot();
    return agent;
  };

  test('the living wrapper of an agent that is wanted up', () => {
    expect(refusal(fleetOf(linked()), claimOf('worker-1'))).toBeNull();
  });

  test.each<[string, Refusal | null]>([
    ['an earlier incarnation', refusal(fleetOf(linked()), claimOf('worker-1', { incarnation: 'worker-1-before' }))],
    ['a wrapper that has not said hello', refusal(fleetOf(record()), claimOf('worker-1'))],
    ['an unknown agent', refusal(fleetOf(linked()), claimOf('worker-9'))],
  ])('not %s, which claims anew when that has changed', (_name, refused) => {
    expect(refused?.waits).toBe(false);
  });

  test('not one that is to rest, which is remembered', () => {
    for (const desired of ['paused', 'stopped'] as const) {
      expect(refusal(fleetOf(linked(), desired), claimOf('worker-1'))).toEqual({
        reason: 'not wanted up',
        waits: true,
      });
    }
  });

  test('tickets are for agents that would act on them', () => {
    expect(able(fleetOf(linked()), 'worker-1')).toBe(true);
    expect(able(fleetOf(linked(), 'paused'), 'worker-1')).toBe(false);
    expect(able(fleetOf(record()), 'worker-1')).toBe(false);
    for (const fields of [
      { paused: true },
      { held: { kind: 'rate-limit', until: null, detail: '' } as const },
      { failure: 'gave up' },
    ]) {
      const agent = linked();
      agent.observed.snapshot = snapshot('worker-1', fields);
      expect(able(fleetOf(agent), 'worker-1')).toBe(false);
    }
  });
});

describe('what an order gets from the config', () => {
  const base = { branch: 'main', commit: 'c0ffee' };
  const settings = config({ verify: { unit: ['npm', 'test'], lint: ['npm', 'run', 'lint'] }, defaultVerify: 'unit' });

  test.each([
    ['the default verify', { kind: 'claude', verify: null }, 'unit'],
    ['the one it names', { kind: 'claude', verify: 'lint' }, 'lint'],
    ['none when it says so', { kind: 'claude', verify: 'none' }, undefined],
    ['none for a shell task that names none: its exit code decides', { kind: 'shell', verify: null }, undefined],
    ['the one that a shell task names', { kind: 'shell', verify: 'lint' }, 'lint'],
  ] as const)('%s', (_name, task, expected) => {
    const order = decorate(task, settings, base);
    expect(order.verify?.name).toBe(expected);
    expect(order.base).toBe(base);
    expect(order.verifyFollowUps).toBe(task.kind === 'shell' ? 0 : 2);
  });

  test('a verify command that is gone from swarm.yaml fails the attempt instead of being left out', () => {
    expect(() => decorate({ kind: 'claude', verify: 'lnit' }, settings, base)).toThrow(
      'swarm.yaml has no verify command lnit; did it mean',
    );
    expect(() => decorate({ kind: 'claude', verify: 'e2e' }, settings, base)).toThrow('any more');
    expect(decorate({ kind: 'claude', verify: null }, config(), base).verify).toBeNull();
  });
});
