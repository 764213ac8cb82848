import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Order } from '../../../../src/coordination/link.ts';
import { errorText } from '../../../../src/domain/errors.ts';
import { AgentDesk, type AgentDeskDeps } from '../../../../src/supervisor/agents/agent-desk.ts';
import { AgentNames } from '../../../../src/supervisor/fleet/agent-names.ts';
import { Fleet } from '../../../../src/supervisor/fleet/fleet.ts';
import { type AnyRecord, events, pane, record, roster, silentLog, snapshot, Time } from '../kit.ts';

let worktree: string;
beforeAll(() => {
  worktree = mkdtempSync(path.join(os.tmpdir(), 'swarm-agent-desk-'));
});
afterAll(() => rmSync(worktree, { recursive: true }));

function office(agents: AnyRecord[], granted: string | null = null) {
  const seen = events();
  const orders: { agent: string; order: Order }[] = [];
  const saved: string[] = [];
  const fleet = new Fleet({ log: silentLog, events: seen.log, now: new Time().now });
  fleet.use({
    runner: {
      start: never,
      recover: never,
      stop: never,
      afterFailure: (_agent, error) => ({ phase: 'failed', since: 0, detail: errorText(error) }),
    },
    look: async () => new Map(agents.filter(({ observed }) => observed.linked).map((agent) => [agent.id, pane()])),
    order: async () => undefined,
  });
  for (const agent of agents) fleet.add(agent);
  const desk = new AgentDesk({
    names: new AgentNames({ fleet, store: { operations: { lastDone: () => undefined } } }),
    fleet,
    events: seen.log,
    roster: Object.assign(roster(), {
      save: async ({ row }: AnyRecord) => void saved.push(`${row.id} ${row.desired}`),
    }),
    links: { order: async (agent, order) => orders.push({ agent, order }) },
    holds: { resumedByPerson: () => granted },
    supervision: { explain: unasked, renew: () => {}, watch: { useOf: () => null } },
    history: { document: unasked },
  } satisfies AgentDeskDeps);
  return { desk, seen, orders, saved, fleet };
}

function never(): Promise<never> {
  return Promise.reject(new Error('no step was to be taken'));
}

function unasked(): never {
  throw new Error('unasked');
}

/** An agent at rest: stopped, so that the loop leaves it alone. */
const resting = (id = 'worker-1'): AnyRecord => record(id, { desired: 'stopped' });

/** An agent with a living wrapper, in a worktree that exists. */
function living(fields: Parameters<typeof snapshot>[1] = {}): AnyRecord {
  const agent = Object.assign(record(), { worktree });
  agent.lifecycle = { phase: 'up', since: 0 };
  agent.observed.linked = true;
  agent.observed.pane = pane();
  agent.observed.snapshot = snapshot('worker-1', fields);
  return agent;
}

const id = 'worker-1';

test('an agent that does not exist is met with the nearest, or all there are', async () => {
  const { desk } = office([resting('worker-1'), resting('reviewer-1')]);
  await expect(desk.show({ id: 'wroker-1' })).rejects.toMatchObject({
    code: 'unknown-agent',
    exitCode: 2,
    hint: 'Did you mean worker-1?',
  });
  await expect(desk.show({ id: 'xyz' })).rejects.toMatchObject({ hint: 'There are: worker-1, reviewer-1' });
  await expect(office([]).desk.show({ id })).rejects.toMatchObject({ hint: 'There are none yet: `swarm up 3`.' });
});

test('what is wanted of an agent is kept, and told', async () => {
  const { desk, saved, seen } = office([resting()]);
  await desk.stop({ id });
  await expect(desk.pause({ id })).rejects.toMatchObject({
    code: 'agent-stopped',
    hint: expect.stringContaining('swarm resume worker-1'),
  });
  expect(saved).toEqual(['worker-1 stopped']);
  expect(seen.all[0]).toMatchObject({ name: 'agent.wanted', agent: 'worker-1', data: { desired: 'stopped' } });
});

describe('a restart', () => {
  test('is the wrapper’s to do, except where its worktree is gone: then it starts from the beginning', async () => {
    const there = office([living()]);
    await there.desk.restart({ id });
    expect(there.orders).toEqual([{ agent: id, order: { do: 'restart' } }]);
    const bare = office([Object.assign(living(), { worktree: '/nonexistent' })]);
    const held = vi.spyOn(bare.fleet, 'whileStopped').mockResolvedValue(undefined);
    await bare.desk.restart({ id });
    expect(bare.orders).toEqual([]);
    expect(held.mock.calls[0]?.[1]).toEqual({ name: 'a new worktree', leases: 'given-back' });
  });

  test('starts one that is stopped', async () => {
    const { desk, saved } = office([resting()]);
    await desk.restart({ id });
    expect(saved).toEqual(['worker-1 up']);
  });
});

test('an answer goes to the open question it is meant for', async () => {
  const asks = living({ needsYou: [{ id: 'q1', kind: 'question', text: 'Which colour?', task: 't1', since: '' }] });
  const { desk, orders, seen } = office([asks]);
  await desk.answer({ id, decision: 'text', text: 'green' });
  // Its wrapper reports the answer, and by which policy where no person gave one.
  expect(seen.names()).toEqual([]);
  expect(orders[0]?.order).toEqual({ do: 'answer', needsYou: null, decision: 'text', text: 'green' });
  await expect(desk.answer({ id, decision: 'allow', needsYou: 'q2' })).rejects.toMatchObject({
    code: 'unknown-question',
    hint: 'Open: q1',
  });
  await expect(office([living()]).desk.answer({ id, decision: 'allow' })).rejects.toMatchObject({
    code: 'nothing-asked',
  });
  const gated = resting();
  gated.lifecycle = {
    phase: 'blocked',
    since: 0,
    lookAgainAt: Number.MAX_SAFE_INTEGER,
    gate: 'login',
    detail: 'Log in first.',
  };
  gated.step.busy = true;
  await expect(office([gated]).desk.answer({ id, decision: 'allow' })).rejects.toMatchObject({
    code: 'answer-elsewhere',
  });
});

test('the answer to letting an agent go on says what that granted', async () => {
  const { desk } = office([living()], '2.00 USD more');
  expect(await desk.resume({ id })).toMatchObject({ granted: '2.00 USD more' });
  expect(await desk.restart({ id })).toMatchObject({ granted: '2.00 USD more' });
  expect(await desk.pause({ id })).not.toHaveProperty('granted');
});
