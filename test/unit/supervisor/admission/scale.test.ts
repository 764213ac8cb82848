import { describe, expect, test } from 'vitest';
import { desiredCount, type ScaleRules, type ScaleState } from '../../../../src/supervisor/admission/scale.ts';
import { Scaler } from '../../../../src/supervisor/admission/scaler.ts';
import type { WantedAgent } from '../../../../src/supervisor/fleet/wanted-agents.ts';
import { config, events, pane, record, says, settled, silentLog, snapshot, Time } from '../kit.ts';

const rules: ScaleRules = { min: 1, max: 8, after: 10_000, idle: 600_000, cooldown: 30_000 };
const rest: ScaleState = {
  count: 2,
  idle: [],
  coming: 0,
  held: 0,
  slots: 1,
  ready: 0,
  oldest: null,
  sinceChange: Number.POSITIVE_INFINITY,
};
const count = (state: Partial<ScaleState>, rule: Partial<ScaleRules> = {}): number =>
  desiredCount({ ...rules, ...rule }, { ...rest, ...state });

describe('how many there should be', () => {
  test.each<[string, Partial<ScaleState>, number]>([
    ['nothing to do and no agent idle for long: unchanged', { idle: [1_000, 2_000] }, 2],
    ['work waits, and no agent is free', { ready: 1, oldest: 10_000 }, 3],
    ['it has not waited long enough', { ready: 1, oldest: 9_999 }, 2],
    ['the free ones will take it', { ready: 2, oldest: 60_000, idle: [0, 0] }, 2],
    ['those that come will take it', { ready: 1, oldest: 60_000, coming: 1 }, 2],
    ['much work waits: at most twice as many at a time', { ready: 50, oldest: 60_000 }, 4],
    ['… up to the most', { ready: 50, oldest: 60_000, count: 6 }, 8],
    ['… from none to one', { ready: 50, oldest: 60_000, count: 0 }, 1],
    ['the machine bears no more', { ready: 50, oldest: 60_000, held: 1 }, 2],
    ['the number has just been changed', { ready: 50, oldest: 60_000, sinceChange: 29_999 }, 2],
    ['several at once in each', { ready: 9, oldest: 60_000, slots: 4, count: 4 }, 7],
    ['long idle', { count: 4, idle: [600_000, 599_999, 700_000] }, 2],
    ['long idle, but work waits for an agent', { count: 4, idle: [600_000], ready: 1, oldest: 0 }, 4],
    ['never below the least', { count: 2, idle: [700_000, 700_000] }, 1],
    ['too few', { count: 0 }, 1],
    ['too many', { count: 12, sinceChange: 0 }, 8],
  ])('%s', (_what, state, wanted) => {
    expect(count(state)).toBe(wanted);
  });

  test('under any load it stays within its bounds and leaves cooldowns between; under a steady one it comes to rest', () => {
    // A generator of its own, so that a failure can be reproduced.
    let seed = 7;
    const random = (most: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % (most + 1);
    };
    for (let world = 0; world < 100; world += 1) {
      const { min, max } = { min: random(3), max: 3 + random(5) };
      let agents = min;
      let changedAt = Number.NEGATIVE_INFINITY;
      let idleSince: number[] = Array.from({ length: agents }, () => 0);
      let load = random(12);
      let restless = 0;
      for (let at = 0; at < 3_600_000; at += 5_000) {
        const steady = at > 1_800_000;
        if (!steady && random(20) === 0) load = random(12);
        const busy = Math.min(load, agents);
        idleSince = idleSince.slice(0, agents - busy);
        while (idleSince.length < agents - busy) idleSince.push(at);
        const waiting = load - busy;
        const wanted = count(
          {
            count: agents,
            idle: idleSince.map((since) => at - since),
            ready: waiting,
            oldest: waiting > 0 ? 60_000 : null,
            sinceChange: at - changedAt,
          },
          { min, max },
        );
        if (wanted < min || wanted > max) expect([min, wanted, max]).toBe('in order');
        if (wanted !== agents) {
          if (at - changedAt < rules.cooldown) expect(at - changedAt).toBe(rules.cooldown);
          if (steady && at > 2_700_000) restless += 1;
          changedAt = at;
          agents = wanted;
        }
      }
      expect(restless).toBe(0);
      expect(agents).toBeGreaterThanOrEqual(Math.min(max, load));
    }
  });
});

describe('the scaler', () => {
  function scene(names: string[], ready: number) {
    const time = new Time();
    const agents = names.map((id) => {
      const one = record(id);
      Object.assign(one.observed, { linked: true, pane: pane() });
      Object.assign(one.verdict, { status: 'idle', since: time.now() });
      says(one, snapshot(id), time.now());
      return one;
    });
    const ordered: WantedAgent[] = [];
    const saved: string[] = [];
    const scaler = new Scaler({
      log: silentLog,
      events: events().log,
      config: config({ agents: { worker: { scale: { min: 1, max: 4 } } } }),
      fleet: { records: agents, goingDown: false, wake: () => undefined },
      engine: { backlog: () => ({ ready, oldestAt: time.now() - 60_000 }) },
      roster: { isDown: false, want: async (wanted) => void ordered.push(...wanted) },
      now: time.now,
      checkpoint: async ({ id }) => saved.push(id),
    });
    const tick = async (): Promise<string[]> => {
      scaler.tick();
      await settled();
      return ordered.splice(0).map(({ id, desired }) => `${id} ${desired}`);
    };
    return { agents, time, tick, saved };
  }

  test('starts names that are free, and then waits', async () => {
    const { agents, tick, time } = scene(['worker-2'], 5);
    const [only] = agents;
    if (only !== undefined) only.verdict.status = 'working';
    expect(await tick()).toEqual(['worker-1 up']);
    time.pass(29_000);
    expect(await tick()).toEqual([]);
    time.pass(1_000);
    expect(await tick()).toEqual(['worker-1 up']);
  });

  test('stops those that were idle longest, after a checkpoint, and none that is looked at', async () => {
    const { agents, tick, time, saved } = scene(['worker-1', 'worker-2', 'worker-3'], 0);
    const [first, second] = agents;
    if (first === undefined || second === undefined) throw new Error('no agents');
    second.verdict.since -= 1_000;
    first.observed.pane = pane({ clients: 1 });
    time.pass(600_000);
    expect(await tick()).toEqual(['worker-2 stopped', 'worker-3 stopped']);
    expect(saved).toEqual(['worker-2', 'worker-3']);
  });

  test('leaves one that got something to do while its checkpoint was taken', async () => {
    const { agents, tick, time } = scene(['worker-1', 'worker-2'], 0);
    time.pass(700_000);
    const [first] = agents;
    if (first === undefined) throw new Error('no agents');
    const ticking = tick();
    first.verdict.status = 'working';
    expect(await ticking).toEqual([]);
  });
});
