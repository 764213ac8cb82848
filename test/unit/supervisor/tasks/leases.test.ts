import { describe, expect, test } from 'vitest';
import { Leases, type LeasesDeps } from '../../../../src/supervisor/tasks/leases.ts';
import type { Fleet } from '../../../../src/supervisor/fleet/fleet.ts';
import { agentEffects, type AgentEffectsDeps } from '../../../../src/supervisor/fleet/agent-effects.ts';
import { kit, resultOf, spec, take } from '../../scheduler/engine-kit.ts';
import { record, settled, silentLog, snapshot } from '../kit.ts';

function scene() {
  const { engine, store, clock } = kit();
  const agent = record();
  const other = record('worker-2');
  agent.observed.linked = true;
  /** Marks whose processes are being ended, until the test decides with which outcome. */
  const ends: { prefix: string; left: PromiseWithResolvers<number[]> }[] = [];
  const doubt = { doubtful: false };
  const cancelled: string[] = [];
  const confirmations: PromiseWithResolvers<void>[] = [];
  const leases = new Leases({
    engine,
    store,
    fleet: { records: [agent, other], get: (id: string) => (id === other.id ? other : agent) } as unknown as Fleet,
    project: 'p',
    log: silentLog,
    cancel: (id, task, attempt) => {
      cancelled.push(`${id} ${task} ${attempt}`);
      const confirmed = Promise.withResolvers<void>();
      confirmations.push(confirmed);
      return confirmed.promise;
    },
    deaths: { doubtful: () => doubt.doubtful },
    endMarked: (prefix) => {
      const left = Promise.withResolvers<number[]>();
      ends.push({ prefix, left });
      return left.promise;
    },
  });
  const holding = (
    phase: 'preparing' | 'running' | 'reporting' = 'running',
    attempt = 1,
    own: { sessionId?: string } = {},
  ) =>
    snapshot('worker-1', {
      incarnation: 'worker-1-1',
      sessionId: 'of-the-agent',
      tasks: [{ task: 't1', attempt, slot: 0, phase, since: '', ...own }],
    });
  return { engine, store, clock, agent, leases, cancelled, confirmations, holding, ends, doubt };
}

test('a snapshot extends the lease and keeps the conversation, without any broker', async () => {
  const { engine, clock, leases, holding } = scene();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  clock.time += 50_000;
  leases.observed(holding('preparing'));
  await settled();
  expect(engine.get('t1').attempts, 'the conversation before is not that of the task').toMatchObject([
    { sessionId: null },
  ]);
  leases.observed(holding('running', 1, { sessionId: 'session' }));
  await settled();
  expect(engine.leases()[0]?.expiresAt).toBe(clock.time + 60_000);
  expect(engine.get('t1')).toMatchObject({ state: 'running', attempts: [{ sessionId: 'session' }] });
});

test('a link that lives extends the lease also when nothing is said for long', async () => {
  const { engine, clock, agent, leases, holding } = scene();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  agent.observed.snapshot = holding();
  for (let second = 0; second < 300; second += 10) {
    clock.time += 10_000;
    await leases.tick();
  }
  expect(engine.leases()).toHaveLength(1);
  expect(engine.expired()).toEqual([]);
});

test('a cancel that was not heard is told again with each sign of life, once at a time', async () => {
  const { engine, leases, cancelled, confirmations, holding } = scene();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  await engine.cancel('t1');
  leases.observed(holding());
  leases.observed(holding());
  await settled();
  expect(cancelled).toEqual(['worker-1 t1 1']);
  confirmations[0]?.resolve();
  await settled();
  leases.observed(holding());
  await settled();
  expect(cancelled).toEqual(['worker-1 t1 1', 'worker-1 t1 1']);
});

test('work on an attempt that the store does not hold is ended, unless it is just being reported', async () => {
  const { engine, leases, cancelled, holding } = scene();
  await engine.submit([spec()]);
  leases.observed(holding('reporting'));
  await settled();
  expect(cancelled).toEqual([]);
  leases.observed(holding('running', 4));
  await settled();
  expect(cancelled).toEqual(['worker-1 t1 4']);
});

test('the time in which no supervisor could hear heartbeats does not count', async () => {
  const { engine, store, clock, leases } = scene();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  const before = engine.leases()[0]?.expiresAt ?? 0;
  await leases.noteAlive();
  const note = store.notes.get('supervisor.alive') as { bootId: string; monotonic: number; wall: number };
  const earlier = { ...note, monotonic: note.monotonic - 45_000, wall: note.wall - 45_000 };
  await store.write(() => store.notes.set('supervisor.alive', earlier));
  clock.time += 45_000;
  await leases.afterAbsence();
  expect((engine.leases()[0]?.expiresAt ?? 0) - before).toBeGreaterThanOrEqual(45_000);
  // Another boot: no earlier process can live, so there is none to wait for.
  await store.write(() => store.notes.set('supervisor.alive', { bootId: 'another', monotonic: 0 }));
  const moved = engine.leases()[0]?.expiresAt;
  await leases.afterAbsence();
  expect(engine.leases()[0]?.expiresAt).toBe(moved);
});

test('a clock that was set while there was no supervisor moves leases by as much', async () => {
  const { engine, store, clock, leases } = scene();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  const end = () => engine.leases()[0]?.expiresAt ?? 0;
  for (const byMs of [3_600_000, -3_600_000]) {
    const before = end();
    await leases.noteAlive();
    const note = store.notes.get('supervisor.alive') as { bootId: string; monotonic: number; wall: number };
    const away = { ...note, monotonic: note.monotonic - 10_000, wall: note.wall - 10_000 - byMs };
    await store.write(() => store.notes.set('supervisor.alive', away));
    clock.time += byMs + 10_000;
    const set = await leases.afterAbsence();
    expect(Math.abs(set - byMs)).toBeLessThan(1_000);
    expect(end() - before).toBeGreaterThanOrEqual(byMs + 10_000);
    expect(end() - before).toBeLessThan(byMs + 11_000);
  }
});

test('a clock that was set is made up for once, also when the supervisor that saw it dies right after', async () => {
  const { engine, store, leases } = scene();
  await leases.noteAlive();
  const note = store.notes.get('supervisor.alive') as { bootId: string; monotonic: number; wall: number };
  const before = { ...note, wall: note.wall - 3_600_000 };
  await store.write(() => store.notes.set('supervisor.alive', before));
  await leases.moved(3_600_000);
  expect(await new Leases({ engine, store } as LeasesDeps).afterAbsence()).toBe(0);
});

describe('a lease whose time is over', () => {
  /** Two agents at work without a heartbeat for longer than a lease lasts. */
  async function expired() {
    const w = scene();
    w.agent.observed.linked = false;
    await w.engine.submit([spec(), spec()]);
    const [first, second] = [await take(w.engine, 'worker-1'), await take(w.engine, 'worker-2')];
    w.clock.time += 61_000;
    return { ...w, first, second };
  }

  test('ends when its processes are proved gone, one after the other', async () => {
    const { engine, leases, ends, first, second } = await expired();
    const tick = leases.tick();
    await settled();
    expect(ends.map(({ prefix }) => prefix)).toEqual([`p/worker-1/${first.task}/1`]);
    expect(engine.leases(), 'not before').toHaveLength(2);
    ends[0]?.left.resolve([]);
    await settled();
    expect(engine.leases().map(({ agent }) => agent)).toEqual(['worker-2']);
    expect(ends[1]?.prefix).toBe(`p/worker-2/${second.task}/1`);
    ends[1]?.left.resolve([4711]);
    await tick;
    expect(
      engine.leases().map(({ agent }) => agent),
      'something of it lives on',
    ).toEqual(['worker-2']);
  });

  test('is let be when its agent is heard while the processes of another are ended', async () => {
    const { engine, leases, ends, second } = await expired();
    const tick = leases.tick();
    await settled();
    const attempts = [{ task: second.task, attempt: 1, phase: 'running' as const }];
    await leases.heartbeat({ agent: 'worker-2', incarnation: 'worker-2-1', attempts });
    ends[0]?.left.resolve([]);
    await tick;
    expect(ends, 'worker-2 is not touched').toHaveLength(1);
    expect(engine.get(second.task)).toMatchObject({ state: 'running', attempts: [{ outcome: null }] });
  });

  test('goes alone: not with a newer attempt at the same task in the same hands', async () => {
    const { engine, clock, leases, ends, first } = await expired();
    const tick = leases.tick();
    await settled();
    await engine.lost({ agent: 'worker-1' }, 'its wrapper ended');
    clock.time += 3_600_000;
    await engine.tick();
    const again = await take(engine, 'worker-1');
    expect(again).toMatchObject({ task: first.task, attempt: 2 });
    ends[0]?.left.resolve([]);
    await settled();
    ends[1]?.left.resolve([]);
    await tick;
    expect(engine.leases('worker-1')).toMatchObject([{ task: first.task, attempt: 2 }]);
  });

  test('stays while so many are silent that it cannot be theirs', async () => {
    const { engine, leases, ends, doubt } = await expired();
    doubt.doubtful = true;
    await leases.tick();
    expect(ends).toEqual([]);
    expect(engine.leases()).toHaveLength(2);
    doubt.doubtful = false;
    void leases.tick();
    await settled();
    expect(ends).toHaveLength(1);
  });
});

test('what a stopped agent that no longer listened had not begun is not gone on with in its conversation', async () => {
  const { engine } = kit();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  const ports = agentEffects({ engine, project: { layout: {}, config: {} } } as unknown as AgentEffectsDeps);
  const agent = record('worker-1', { sessionId: 'of-the-task-before' });
  agent.observed.snapshot = snapshot();
  await ports.giveBackLeases(agent, 'released', 'its agent was stopped');
  expect(engine.get('t1')).toMatchObject({ state: 'ready', attempts: [{ outcome: 'released', sessionId: null }] });
  expect((await take(engine, 'worker-1', { incarnation: 'next' })).resume).toMatchObject({ sessionId: null, since: 1 });
});

test('a result that a wrapper had left on disk is taken also when its agent was stopped by a supervisor that never heard it', async () => {
  const { engine } = kit();
  await engine.submit([spec()]);
  const order = await take(engine, 'worker-1');
  const ports = agentEffects({ engine, project: { layout: {}, config: {} } } as unknown as AgentEffectsDeps);
  await ports.giveBackLeases(record(), 'released', 'its agent was stopped');
  expect(await engine.result(resultOf(order, 'worker-1'))).toEqual({ applied: true });
  expect(engine.get('t1').state).toBe('done');
});
