import { describe, expect, test } from 'vitest';
import type { StatusDocument } from '../../../../src/api/status/schemas.ts';
import type { Config } from '../../../../src/config/index.ts';
import type { ApiFacts, ModelPermit } from '../../../../src/coordination/model-permit.ts';
import type { Store } from '../../../../src/store/store.ts';
import { Holds } from '../../../../src/supervisor/holds/holds.ts';
import { BEGIN, config, events, record, silentLog, snapshot, Time, type AnyRecord } from '../kit.ts';

const HOUR_MS = 3_600_000;
const DEAR = { worker: { count: 2 }, dear: { count: 1, command: ['env', 'ANTHROPIC_API_KEY=x', 'claude'] } };

function scene(agents: AnyRecord[], settings: Config, kept = new Map<string, unknown>()) {
  const time = new Time();
  const log = events();
  const gates = new Map<string, ModelPermit>();
  const world = { agents, settings };
  for (const agent of agents) {
    agent.lifecycle = { phase: 'up', since: BEGIN };
    agent.observed.linked = true;
    agent.observed.snapshot = snapshot(agent.id);
  }
  const notes = {
    get: (key: string) => kept.get(key),
    set: (key: string, value: unknown) => void kept.set(key, value),
  };
  const open = (): Holds =>
    new Holds({
      log: silentLog,
      events: log.log,
      store: { notes, failure: null, write: async (work: () => unknown) => work() } as unknown as Store,
      config: () => world.settings,
      records: () => world.agents,
      desired: ({ row }) => row.desired,
      send: (agent, gate) => void gates.set(agent, gate),
      credentials: () => '',
      broker: () => ({ state: 'up', reason: null }) as StatusDocument['broker'],
      tmux: () => null,
      goingDown: () => false,
      now: time.now,
      random: () => 0.5,
    });
  const holds = open();
  const says = (agent: AnyRecord, api: Partial<ApiFacts>): void => {
    const before = agent.observed.snapshot?.api;
    const facts = { failures: 0, failed: null, answeredAt: null, resetsAt: null, limit: null, ...before, ...api };
    agent.observed.snapshot = snapshot(agent.id, { api: facts });
    holds.observed(agent);
  };
  const refused = (agent: AnyRecord): void => {
    const failed = { error: 'authentication_failed', details: 'invalid x-api-key', at: '' };
    says(agent, { failures: 1, failed });
  };
  const pass = (seconds: number): void => {
    for (let s = 0; s < seconds; s += 1) {
      time.pass(1_000);
      holds.tick();
    }
  };
  return { time, world, gates, holds, open, says, refused, pass, kept, names: log.names };
}

const found = (holds: Holds): string[] => holds.conditions().map(({ key }) => key);

describe('an account that no agent uses any more', () => {
  const both = () => [record('worker-1'), record('dear-1', { role: 'dear' })] as const;

  test('is no trouble, neither alert nor degraded, and is not kept when its wait is over', () => {
    const [worker, dear] = both();
    const { holds, world, refused, pass, kept } = scene([worker, dear], config({ agents: DEAR }));
    refused(dear);
    expect(found(holds)).toEqual(['account.auth.ANTHROPIC_API_KEY']);
    expect(holds.degraded.list).toHaveLength(1);
    world.settings = config({ agents: { worker: { count: 2 } } });
    world.agents = [worker];
    expect(found(holds)).toEqual([]);
    expect(holds.degraded.list).toEqual([]);
    pass(120);
    expect(JSON.stringify(kept.get('holds'))).not.toContain('invalid x-api-key');
  });

  test('nor when its agents are stopped; one that comes back before the time still waits', () => {
    const [worker, dear] = both();
    const { holds, refused, pass, gates } = scene([worker, dear], config({ agents: DEAR }));
    refused(dear);
    dear.row = { ...dear.row, desired: 'stopped' };
    pass(10);
    expect(found(holds)).toEqual([]);
    dear.row = { ...dear.row, desired: 'up' };
    pass(1);
    expect(found(holds)).toEqual(['account.auth.ANTHROPIC_API_KEY']);
    expect(gates.get('dear-1')?.hold?.kind).toBe('auth');
  });
});

describe('the clock is set back by an hour', () => {
  test('the agent that tries does so as soon, and its result counts', () => {
    const agents = [record('worker-1'), record('worker-2')] as const;
    const { time, holds, refused, pass, says, gates } = scene([...agents], config());
    refused(agents[0]);
    pass(10);
    time.pass(-HOUR_MS);
    holds.moveTimes(-HOUR_MS);
    pass(51);
    const tries = agents.find(({ id }) => gates.get(id)?.hold === null);
    if (tries === undefined) throw new Error('no agent tries');
    time.pass(-HOUR_MS);
    holds.moveTimes(-HOUR_MS);
    pass(1);
    says(tries, { answeredAt: new Date(time.now()).toISOString() });
    expect(found(holds)).toEqual([]);
    // The other one goes on a moment later, not an hour.
    time.pass(-HOUR_MS);
    holds.moveTimes(-HOUR_MS);
    pass(2);
    for (const agent of agents) expect(holds.gateOf(agent)).toMatchObject({ hold: null, afterMs: 0 });
  });

  test('while no supervisor ran: what was kept moves as well', () => {
    const agents = [record('worker-1'), record('worker-2')] as const;
    const { time, refused, open } = scene([...agents], config());
    refused(agents[0]);
    time.pass(-HOUR_MS);
    const next = open();
    next.moveTimes(-HOUR_MS);
    time.pass(61_000);
    next.tick();
    expect(agents.some((agent) => next.gateOf(agent)?.hold === null)).toBe(true);
  });
});

test('an agent that asks no model needs no permit: none would let it go on when the hold of mass death is over', () => {
  const agents = ['worker-1', 'worker-2', 'worker-3'].map((id) => record(id));
  const shell = record('runner-1', { kind: 'shell' });
  const { holds } = scene([...agents, shell], config());
  for (const agent of [...agents, shell]) holds.deaths.gone(agent, 'its wrapper ended (signal 9)', false);
  expect(agents.map((agent) => holds.gateOf(agent)?.hold?.kind)).toContain('mass-death');
  expect(holds.gateOf(shell)).toBeNull();
});
