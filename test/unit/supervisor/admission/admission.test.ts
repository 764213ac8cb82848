import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../../src/process/index.ts';
import { admit, type AdmissionRules, type Applicant } from '../../../../src/supervisor/admission/admission.ts';
import { AdmissionDesk } from '../../../../src/supervisor/admission/admission-desk.ts';
import { config, record, settled, silentLog, Time } from '../kit.ts';

const GiB = 2 ** 30;
const rules: AdmissionRules = { atOnce: 4, memory: GiB / 2, disk: GiB / 2, load: 8 };
const idle: Machine = { memory: 16 * GiB, load: 0.1, disk: 99 * GiB, files: 1e6, ownFiles: 1e4, terminals: 4_000 };
const unknown: Machine = { memory: null, load: null, disk: null, files: null, ownFiles: null, terminals: null };

function some(count: number, state: Applicant['state'] = 'new', from = 1): Applicant[] {
  return Array.from({ length: count }, (_, index) => ({ id: `worker-${index + from}`, kind: 'claude', state }));
}

const admitted = (machine: Machine, agents: Applicant[], rule = rules): string[] => {
  const waits = admit(machine, agents, rule);
  return agents.filter(({ id, state }) => (state === 'new' || state === 'back') && !waits.has(id)).map(({ id }) => id);
};

describe('the agents that may start', () => {
  test('the first ones at once, the others when those are there', () => {
    expect(admitted(idle, some(3))).toHaveLength(3);
    expect(admitted(idle, some(30))).toEqual(['worker-1', 'worker-2', 'worker-3', 'worker-4']);
    expect(admit(idle, some(30), rules).get('worker-5')).toEqual({
      for: 'turn',
      reason: 'waits for its turn: 4 others are starting',
    });
    expect(admitted(idle, [...some(3, 'starting'), ...some(9, 'new', 4)])).toEqual(['worker-4']);
    expect(admitted(idle, [...some(20, 'running'), ...some(2, 'new', 21)])).toHaveLength(2);
  });

  test('what is free now is taken by those that start now', () => {
    const free = { ...idle, memory: 1.2 * GiB };
    expect(admitted(free, some(10))).toHaveLength(2);
    expect(admitted(free, [...some(2, 'starting'), ...some(1, 'new', 3)])).toEqual([]);
    // Running agents have used it already.
    expect(admitted(free, [...some(9, 'running'), ...some(1, 'new', 10)])).toEqual(['worker-10']);
  });

  test.each<[Partial<Machine>, string]>([
    [{ memory: 300 * 2 ** 20 }, '300MiB of memory are free, 1.2GiB are needed (admission.memory)'],
    [{ disk: 0 }, '0B are free on the disk of the worktrees, 512MiB are to stay so (admission.disk)'],
    [{ files: 100 }, 'the system has only 100 open files left'],
    [{ ownFiles: 10 }, 'only 10 more files may be opened (ulimit -n)'],
    [{ terminals: 3 }, 'the system has only 3 terminals left'],
    [{ load: 9.44 }, 'the load is 9.4 for each processor, above 8 (admission.load)'],
  ])('%j: %s', (left, reason) => {
    const agents = [...some(1, 'running'), ...some(1, 'new', 2), ...some(1, 'back', 3)];
    const waits = admit({ ...idle, ...left }, agents, rules);
    expect(waits.get('worker-2')).toEqual({ for: 'machine', reason });
    // It has been there before, and what it takes was its own.
    expect(waits.has('worker-3')).toBe(false);
  });

  test('load of other programs does not keep a swarm from beginning, and may be left out of account', () => {
    const busy = { ...idle, load: 50 };
    expect(admitted(busy, some(3))).toEqual(['worker-1']);
    expect(admitted(busy, some(3), { ...rules, load: 0 })).toHaveLength(3);
  });

  test('a lack of the account keeps back agents that have never run', () => {
    const lack = '95 % are used';
    const agents: Applicant[] = [...some(1), ...some(1, 'back', 2), ...some(1, 'new', 3)].map((agent) => ({
      ...agent,
      lack: agent.id === 'worker-3' ? null : lack,
    }));
    const waits = admit(idle, agents, rules);
    expect([...waits]).toEqual([['worker-1', { for: 'machine', reason: lack }]]);
  });

  test('a resource that cannot be measured keeps no agent back', () => {
    expect(admitted(unknown, some(4))).toHaveLength(4);
  });

  test('an agent that comes back goes first', () => {
    expect(admitted(idle, [...some(6), ...some(3, 'back', 7)])).toEqual([
      'worker-1',
      'worker-7',
      'worker-8',
      'worker-9',
    ]);
  });
});

describe('the desk', () => {
  function scene(machine: () => Promise<Machine>, kept: string[] = []) {
    const agents = ['worker-1', 'worker-2', 'worker-3'].map((id) => record(id));
    const time = new Time();
    const desk = new AdmissionDesk({
      log: silentLog,
      config: config({ admission: { atOnce: 1 } }),
      now: time.now,
      look: machine,
      records: () => agents,
      wanted: ({ row }) => row.desired !== 'stopped',
      lack: () => null,
      places: { read: () => kept, keep: (ids) => void (kept = [...ids]) },
    });
    return { kept: () => kept, agents, desk, time, ask: () => agents.map((agent) => desk.ask(agent)?.for ?? 'may') };
  }

  test('lets one after the other in, and an agent keeps its place', async () => {
    const { agents, desk, time, ask } = scene(async () => idle);
    const [one, two] = agents;
    if (one === undefined || two === undefined) throw new Error('no agents');
    await settled();
    expect(ask()).toEqual(['may', 'turn', 'turn']);
    one.lifecycle = { phase: 'up', since: time.now() };
    one.verdict.status = 'idle';
    one.observed.linked = true;
    time.pass(100);
    expect(desk.ask(two)).toBeNull();
    desk.tick();
    // It dies and comes back, before those that have never run.
    one.observed.linked = false;
    one.lifecycle = { phase: 'backoff', since: 0, until: 0, of: 'start', detail: 'died' };
    time.pass(100);
    expect(ask()).toEqual(['may', 'turn', 'turn']);
    one.row = { ...one.row, desired: 'stopped' };
    desk.tick();
    time.pass(100);
    expect(desk.ask(two)).toBeNull();
  });

  test('agents that ran when the supervisor died with all of them come back first, whatever the machine has left', async () => {
    const full = async (): Promise<Machine> => ({ ...idle, memory: 0 });
    const before = scene(full);
    for (const agent of before.agents.slice(1)) agent.observed.linked = true;
    before.desk.tick();
    expect(before.kept()).toEqual(['worker-2', 'worker-3']);
    const { ask, agents, desk, kept } = scene(full, before.kept());
    await settled();
    expect(ask()).toEqual(['machine', 'may', 'turn']);
    for (const agent of agents) agent.row = { ...agent.row, desired: 'stopped' };
    desk.tick();
    expect(kept()).toEqual([]);
  });

  test('an agent that a mass death keeps from starting does not take the turn of another', async () => {
    const { agents, desk, ask } = scene(async () => idle, ['worker-2', 'worker-3']);
    await settled();
    const held = { detail: 'mass-death: 3 of 3 agents died at once', until: null };
    for (const agent of agents.slice(1)) {
      agent.lifecycle = { phase: 'backoff', since: 0, until: 0, of: 'start', detail: 'died' };
      agent.startHold = held;
    }
    const [probe] = agents;
    if (probe === undefined) throw new Error('no agents');
    expect(desk.ask(probe)).toBeNull();
    for (const agent of agents) agent.startHold = null;
    expect(ask()).toEqual(['turn', 'may', 'turn']);
  });

  test('a machine that cannot be measured keeps no agent waiting', async () => {
    const { ask } = scene(async () => await Promise.reject(new Error('no /proc')));
    await settled();
    expect(ask()[0]).toBe('may');
  });
});
