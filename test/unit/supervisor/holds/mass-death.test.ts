import { expect, test } from 'vitest';
import { NEW_LEDGER, NOBODY_DIED } from '../../../../src/health/index.ts';
import { DeathWatch } from '../../../../src/supervisor/holds/mass-death.ts';
import { BEGIN, config, events, pane, record, snapshot, Time, type AnyRecord } from '../kit.ts';

const HOUR_S = 3_600;

/** Agents that all run, and then die together, each in a pane of its own. */
function scene(count: number) {
  const time = new Time();
  const { log, names, all } = events();
  const { holds } = config();
  const agents = Array.from({ length: count }, (_, i) => record(`worker-${i + 1}`));
  for (const agent of agents) {
    agent.lifecycle = { phase: 'up', since: BEGIN };
    agent.observed.linked = true;
    agent.observed.pane = pane();
    agent.observed.snapshot = snapshot(agent.id);
  }
  const watch = new DeathWatch({
    note: { accounts: {}, heard: {}, ledger: NEW_LEDGER, mortality: NOBODY_DIED, run: '' },
    rules: () => holds.massDeath,
    staggerMs: () => holds.stagger,
    wanted: () => agents,
    events: log,
    now: time.now,
  });
  const die = (agent: AnyRecord): void => {
    watch.gone(agent, 'its wrapper ended (signal 9)', false);
    agent.observed.linked = false;
    agent.observed.snapshot = null;
    agent.lifecycle = { phase: 'backoff', since: time.now(), until: time.now(), of: 'start', detail: '' };
  };
  /** Starts each agent that may start; `starts` says whether it lives. */
  const run = (seconds: number, starts: (agent: AnyRecord) => boolean): void => {
    for (let s = 0; s < seconds && watch.hold !== null; s += 1) {
      time.pass(1_000);
      watch.tick();
      for (const agent of agents) {
        if (agent.lifecycle.phase !== 'backoff' || agent.startHold !== null || !starts(agent)) continue;
        agent.lifecycle = { phase: 'up', since: time.now() };
        agent.observed.linked = true;
        agent.observed.linkSince = time.now();
        agent.observed.snapshot = snapshot(agent.id);
      }
    }
  };
  return { time, watch, agents, die, run, names, all };
}

test('an agent that had failed before the others died does not keep them from being started again', () => {
  const { watch, agents, die, run, names } = scene(5);
  const [first, ...others] = agents as [AnyRecord, ...AnyRecord[]];
  first.lifecycle = { phase: 'failed', since: BEGIN, detail: 'stuck, and nothing helped' };
  first.observed.linked = false;
  others.forEach(die);
  expect(watch.hold?.detail).toContain('3 of 4 agents died at once');
  run(60, () => true);
  expect(watch.hold).toBeNull();
  expect(names()).toEqual(['swarm.mass-death', 'swarm.mass-death-over']);
});

test('an agent whose wrapper gave up is not started as the trial', () => {
  const { watch, agents, die, run } = scene(5);
  const [first, ...others] = agents as [AnyRecord, ...AnyRecord[]];
  first.observed.snapshot = snapshot(first.id, { turn: 'gone', failure: 'died 6 times' });
  others.forEach(die);
  run(60, () => true);
  expect(watch.hold).toBeNull();
});

test('one that never gets its turn to start makes room for the others', () => {
  const { watch, agents, die, run } = scene(4);
  agents.forEach(die);
  run(180, ({ id }) => id !== 'worker-1');
  expect(watch.hold).toBeNull();
});

test('when all held agents have failed by themselves the hold is over, and says so', () => {
  const { watch, agents, die, run, all } = scene(3);
  agents.forEach(die);
  for (const agent of agents) agent.lifecycle = { phase: 'failed', since: BEGIN, detail: 'died 6 times' };
  run(8 * HOUR_S, () => true);
  expect(watch.hold).toBeNull();
  expect(all.at(-1)?.data).toEqual({ why: 'no agent is left that could be started as a trial' });
});
