import { expect, test } from 'vitest';
import { Leases } from '../../../src/supervisor/leases.ts';
import type { Fleet } from '../../../src/supervisor/fleet.ts';
import { kit, spec, take } from '../scheduler/engine-kit.ts';
import { record, settled, silentLog, snapshot } from './kit.ts';

function world() {
  const { engine, store, clock } = kit();
  const agent = record();
  agent.linked = true;
  const cancelled: string[] = [];
  const confirmations: PromiseWithResolvers<void>[] = [];
  const leases = new Leases({
    engine,
    store,
    fleet: { records: [agent], get: () => agent } as unknown as Fleet,
    project: 'p',
    log: silentLog,
    cancel: (id, task, attempt) => {
      cancelled.push(`${id} ${task} ${attempt}`);
      const confirmed = Promise.withResolvers<void>();
      confirmations.push(confirmed);
      return confirmed.promise;
    },
  });
  const holding = (phase: 'running' | 'reporting' = 'running', attempt = 1) =>
    snapshot('worker-1', {
      incarnation: 'worker-1-1',
      sessionId: 'session',
      tasks: [{ task: 't1', attempt, slot: 0, phase, since: '' }],
    });
  return { engine, store, clock, agent, leases, cancelled, confirmations, holding };
}

test('a snapshot extends the lease and keeps the conversation, without any broker', async () => {
  const { engine, clock, leases, holding } = world();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  clock.time += 50_000;
  leases.observed(holding());
  await settled();
  expect(engine.leases()[0]?.expiresAt).toBe(clock.time + 60_000);
  expect(engine.get('t1')).toMatchObject({ state: 'running', attempts: [{ sessionId: 'session' }] });
});

test('a link that lives extends the lease also when nothing is said for long', async () => {
  const { engine, clock, agent, leases, holding } = world();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  agent.snapshot = holding();
  for (let second = 0; second < 300; second += 10) {
    clock.time += 10_000;
    await leases.tick();
  }
  expect(engine.leases()).toHaveLength(1);
  expect(engine.expired()).toEqual([]);
});

test('a cancel that was not heard is told again with each sign of life, once at a time', async () => {
  const { engine, leases, cancelled, confirmations, holding } = world();
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
  const { engine, leases, cancelled, holding } = world();
  await engine.submit([spec()]);
  leases.observed(holding('reporting'));
  await settled();
  expect(cancelled).toEqual([]);
  leases.observed(holding('running', 4));
  await settled();
  expect(cancelled).toEqual(['worker-1 t1 4']);
});

test('the time in which nobody could hear heartbeats does not count', async () => {
  const { engine, store, leases } = world();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  const before = engine.leases()[0]?.expiresAt ?? 0;
  await leases.noteAlive();
  const note = store.kv.get('supervisor.alive') as { bootId: string; monotonic: number; wall: number };
  const earlier = { ...note, monotonic: note.monotonic - 45_000, wall: note.wall - 45_000 };
  await store.write(() => store.kv.set('supervisor.alive', earlier));
  await leases.afterAbsence();
  expect((engine.leases()[0]?.expiresAt ?? 0) - before).toBeGreaterThanOrEqual(45_000);
  // Another boot: no process of before can live, so nothing is to be waited for.
  await store.write(() => store.kv.set('supervisor.alive', { bootId: 'another', monotonic: 0 }));
  const moved = engine.leases()[0]?.expiresAt;
  await leases.afterAbsence();
  expect(engine.leases()[0]?.expiresAt).toBe(moved);
});

test('a clock that was set while there was no supervisor moves leases by as much', async () => {
  const { engine, store, leases } = world();
  await engine.submit([spec()]);
  await take(engine, 'worker-1');
  const end = () => engine.leases()[0]?.expiresAt ?? 0;
  for (const byMs of [3_600_000, -3_600_000]) {
    const before = end();
    await leases.noteAlive();
    const note = store.kv.get('supervisor.alive') as { bootId: string; monotonic: number; wall: number };
    const away = { ...note, monotonic: note.monotonic - 10_000, wall: note.wall - 10_000 - byMs };
    await store.write(() => store.kv.set('supervisor.alive', away));
    await leases.afterAbsence();
    expect(end() - before).toBeGreaterThanOrEqual(byMs + 10_000);
    expect(end() - before).toBeLessThan(byMs + 11_000);
  }
});
