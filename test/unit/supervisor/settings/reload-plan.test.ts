import { describe, expect, test } from 'vitest';
import type { RoleConfig } from '../../../../src/config/index.ts';
import type { AgentSpec } from '../../../../src/coordination/link.ts';
import { planReload, widenings } from '../../../../src/supervisor/settings/reload-plan.ts';
import { Refresh } from '../../../../src/supervisor/settings/restart-outdated.ts';
import { settingsKey } from '../../../../src/supervisor/fleet/agent-spec.ts';
import { recounted } from '../../../../src/supervisor/fleet/wanted-agents.ts';
import type { Fleet } from '../../../../src/supervisor/fleet/fleet.ts';
import { type AnyRecord, config, events, pane, record, says, settled, silentLog, snapshot } from '../kit.ts';

describe('a changed swarm.yaml', () => {
  test('is told by its keys, and applied but for what the swarm stands on', () => {
    const before = config({ health: { stuckAfter: '1m' }, verify: { test: ['a'] } });
    const next = config({
      health: { stuckAfter: '2m' },
      worktree: { dir: '../elsewhere', copy: ['.env'] },
      broker: { url: 'amqp://host' },
      agents: { reviewer: { count: 2 } },
    });
    const { config: now, changed, later, recount } = planReload(before, next);
    expect(changed.toSorted()).toEqual(['agents.reviewer', 'health.stuckAfter', 'verify.test', 'worktree.copy']);
    expect(later.toSorted()).toEqual(['broker.url', 'worktree.dir']);
    expect(recount).toEqual(['reviewer']);
    expect(now.worktree).toMatchObject({ dir: undefined, copy: ['.env'] });
    expect(now.broker).toEqual({});
    expect(now.health.stuckAfter).toBe(120_000);
    // By the settings in force then, only the postponed keys still differ.
    expect(planReload(now, next)).toMatchObject({ changed: [], later: ['worktree.dir', 'broker.url'], recount: [] });
    expect(planReload(now, before).changed.toSorted()).toEqual(changed.toSorted());
  });

  test('counts only where it says another number than before', () => {
    const of = (agents: Record<string, unknown>): string[] => planReload(config(), config({ agents })).recount;
    expect(of({})).toEqual([]);
    expect(of({ worker: { count: 3, model: 'x' } })).toEqual([]);
    expect(of({ worker: { count: 4 } })).toEqual(['worker']);
    expect(planReload(config({ agents: { helper: {} } }), config()).recount).toEqual(['helper']);
  });

  test('that lets agents do more without asking says what', () => {
    const of = (before: object, next: object): string[] =>
      widenings(config({ agents: { worker: before } }), config({ agents: { worker: next } }));
    expect(of({ allow: ['A'], deny: ['D'] }, { allow: ['A', 'B'] })).toEqual([
      'agents.worker: allow B',
      'agents.worker: no longer deny D',
    ]);
    expect(of({}, { permissionMode: 'bypassPermissions' })).toEqual([
      'agents.worker: permissionMode bypassPermissions',
    ]);
    expect(of({}, { permissionMode: 'auto' })).toEqual(['agents.worker: permissionMode auto']);
    expect(of({ permissionMode: 'bypassPermissions' }, { permissionMode: 'auto' })).toEqual([]);
    expect(of({ allow: ['A'], permissionMode: 'acceptEdits' }, { deny: ['D'], permissionMode: 'plan' })).toEqual([]);
    expect(widenings(config(), config({ agents: { other: { allow: ['X'] } } }))).toEqual(['agents.other: allow X']);
    expect(widenings(config(), config({ agents: { other: { kind: 'shell', allow: ['X'] } } }))).toEqual([]);
  });
});

test('another count starts and stops as many as it takes; running agents stay as they are', () => {
  const known = (['up', 'paused', 'stopped', 'up'] as const).map((desired, index) => ({
    id: `worker-${index + 1}`,
    role: 'worker',
    kind: 'claude' as const,
    desired,
  }));
  const ids = (count: number): string[] =>
    recounted(config({ agents: { worker: { count } } }), known, ['worker']).map(
      ({ id, desired }) => `${id} ${desired}`,
    );
  expect(ids(4)).toEqual(['worker-3 up']);
  expect(ids(5)).toEqual(['worker-3 up', 'worker-5 up']);
  expect(ids(1)).toEqual(['worker-2 stopped', 'worker-4 stopped']);
  expect(recounted(config(), [{ id: 'gone-1', role: 'gone', kind: 'shell', desired: 'up' }], ['gone'])).toEqual([
    { id: 'gone-1', role: 'gone', kind: 'shell', desired: 'stopped' },
  ]);
});

test('what a wrapper is started with has a name, which the number of agents does not change', () => {
  const key = (worker: object, rest: object = {}): string => {
    const all = config({ ...rest, agents: { worker } });
    return settingsKey(all.agents['worker'] as RoleConfig, all);
  };
  expect(key({ count: 7 })).toBe(key({}));
  expect(key({}, { health: { stuckAfter: '3m' }, alerts: { least: 'info' } })).toBe(key({}));
  for (const other of [key({ model: 'x' }), key({}, { verify: { t: ['t'] } }), key({}, { stopGrace: '9s' })])
    expect(other).not.toBe(key({}));
});

describe('agents that live with earlier settings', () => {
  function scene(change: (worker: AnyRecord) => void = () => undefined) {
    const worker = record();
    worker.spec = { settings: 'old' } as AgentSpec;
    Object.assign(worker.observed, { linked: true, pane: pane() });
    worker.verdict.status = 'idle';
    worker.lifecycle = { phase: 'up', since: 0 };
    says(worker, snapshot(), 0);
    change(worker);
    const held: string[] = [];
    const fleet = {
      records: [worker],
      goingDown: false,
      desired: ({ row }: AnyRecord) => row.desired,
      whileStopped: async (one: AnyRecord, _leases: string, work: () => Promise<void>) => {
        held.push(one.id);
        await work();
        one.spec = { settings: 'new' } as AgentSpec;
        says(one, { ...snapshot(), buildId: 'build' }, 0);
      },
    } as unknown as Fleet;
    const refresh = new Refresh({ log: silentLog, events: events().log, fleet, keyOf: () => 'new', buildId: 'build' });
    return { refresh, held };
  }

  test('are started again when they rest, once', async () => {
    const { refresh, held } = scene();
    expect(refresh.outdated).toHaveLength(1);
    refresh.tick();
    refresh.tick();
    await settled();
    refresh.tick();
    expect(held).toEqual(['worker-1']);
    expect(refresh.outdated).toEqual([]);
  });

  test('are those of another build too, whatever their settings, and then of this one', async () => {
    const { refresh, held } = scene((worker) => {
      worker.spec = { settings: 'new' } as AgentSpec;
      says(worker, { ...snapshot(), buildId: 'of-before' }, 0);
    });
    expect(refresh.outdated).toHaveLength(1);
    refresh.tick();
    await settled();
    refresh.tick();
    expect([refresh.outdated, held]).toEqual([[], ['worker-1']]);
  });

  test.each<[string, (worker: AnyRecord) => void]>([
    ['works', (worker) => (worker.verdict.status = 'working')],
    ['is looked at', (worker) => (worker.observed.pane = pane({ clients: 1 }))],
    ['is away', (worker) => (worker.observed.linked = false)],
    ['is in the middle of a step', (worker) => (worker.step.busy = true)],
  ])('wait while it %s', (_what, change) => {
    const { refresh, held } = scene(change);
    refresh.tick();
    expect([refresh.outdated.length, held]).toEqual([1, []]);
  });
});
