import { describe, expect, test, vi } from 'vitest';
import type { CheckpointService } from '../../../src/api/checkpoint-service.ts';
import type { Order } from '../../../src/coordination/link.ts';
import { errorText } from '../../../src/domain/errors.ts';
import type { Task } from '../../../src/domain/task-document.ts';
import { Fleet } from '../../../src/supervisor/fleet/fleet.ts';
import { blockingGate } from '../../../src/supervisor/fleet/start-gates.ts';
import { Service, type ServiceDeps } from '../../../src/supervisor/api-service.ts';
import { sharedFor } from '../../../src/lib/shared-for.ts';
import { agentDocument } from '../../../src/supervisor/agents/agent-document.ts';
import { TaskDesk, type TaskDeskDeps } from '../../../src/supervisor/tasks/task-desk.ts';
import { baseNotes, wantedAgents, type KnownAgent } from '../../../src/supervisor/fleet/wanted-agents.ts';
import { type AnyRecord, config, events, pane, record, roster, settled, silentLog, snapshot, Time } from './kit.ts';

const known = (id: string, fields: Partial<KnownAgent> = {}): KnownAgent => ({
  id,
  role: id.replace(/-\d+$/, ''),
  kind: 'claude',
  desired: 'up',
  ...fields,
});

describe('the agents after up', () => {
  const two = config({ agents: { worker: { count: 2 }, reviewer: {} } });
  const wanted = (settings: typeof two, agents: readonly KnownAgent[], workers?: number): string =>
    wantedAgents(settings, agents, workers === undefined ? {} : { workers })
      .map(({ id, desired }) => (desired === 'up' ? id : `-${id}`))
      .join(' ');

  test.each<[string, readonly KnownAgent[], number | undefined, string]>([
    ['the first time: the counts of swarm.yaml', [], undefined, 'worker-1 worker-2 reviewer-1'],
    ['with a number: so many workers', [], 3, 'worker-1 worker-2 worker-3 reviewer-1'],
    [
      'again without a number: those that were up before',
      [known('worker-1'), known('worker-4'), known('reviewer-1')],
      undefined,
      'worker-1 worker-4 reviewer-1',
    ],
    [
      'one that was stopped by hand stays so',
      [known('worker-1'), known('worker-2', { desired: 'stopped' }), known('reviewer-1')],
      undefined,
      'worker-1 reviewer-1',
    ],
    [
      'fewer than before: the rest is stopped',
      [known('worker-1'), known('worker-2'), known('worker-3'), known('reviewer-1')],
      1,
      'worker-1 -worker-2 -worker-3 reviewer-1',
    ],
    [
      'a paused one was up',
      [known('worker-1', { desired: 'paused' }), known('reviewer-1')],
      undefined,
      'worker-1 reviewer-1',
    ],
    [
      'all were stopped: the counts again',
      [known('worker-1', { desired: 'stopped' })],
      undefined,
      'worker-1 worker-2 reviewer-1',
    ],
    ['a role that is new comes with its count', [known('worker-1')], undefined, 'worker-1 reviewer-1'],
    [
      'one whose role is gone is stopped',
      [known('worker-1'), known('reviewer-1'), known('tester-1')],
      undefined,
      'worker-1 reviewer-1 -tester-1',
    ],
    [
      'only roles that are gone were up: the counts again',
      [known('tester-1')],
      undefined,
      'worker-1 worker-2 reviewer-1 -tester-1',
    ],
  ])('%s', (_name, agents, workers, expected) => {
    expect(wanted(two, agents, workers)).toBe(expected);
  });

  test('a role that changed its kind comes back as the new one', () => {
    const settings = config({ agents: { worker: { kind: 'shell', count: 1 } } });
    expect(wantedAgents(settings, [known('worker-1')], {})).toEqual([
      { id: 'worker-1', role: 'worker', kind: 'shell', desired: 'up' },
    ]);
  });

  test('no agent at all is refused', () => {
    const nobody = config({ agents: { worker: { count: 0 } } });
    expect(() => wantedAgents(nobody, [], {})).toThrow('swarm.yaml wants no agents at all');
  });
});

describe('what the person should know of the base', () => {
  const main = { branch: 'main', commit: 'c0ffee0000000000' };
  const detached = { branch: null, commit: 'c0ffee0000000000' };

  test('nothing where all is committed', () => {
    expect(baseNotes(main, { count: 0, names: [] }, false)).toEqual([]);
    // The committed settings count: an uncommitted swarm.yaml alone is no reason for a note.
    expect(baseNotes(main, { count: 1, names: ['swarm.yaml'] }, false)).toEqual([]);
  });

  test('what is not committed is not in the worktrees, unless it was asked for', () => {
    const dirty = { count: 5, names: ['a', 'b', 'c', 'd', 'e'] };
    expect(baseNotes(main, dirty, false)).toEqual([
      expect.stringMatching(
        /^5 uncommitted change\(s\) \(a, b, c, …\) are not in the worktrees, which start from branch main/,
      ),
    ]);
    expect(baseNotes(main, dirty, true)).toEqual([
      '5 uncommitted change(s) (a, b, c, …) are part of what the agents see',
    ]);
    expect(baseNotes(main, { count: 1, names: ['a'] }, true)[0]).toContain('(a)');
  });

  test('a detached HEAD has no branch to merge into', () => {
    expect(baseNotes(detached, { count: 0, names: [] }, false)).toEqual([
      expect.stringContaining('merge needs --into BRANCH'),
    ]);
  });
});

describe('gates', () => {
  const gate = (kind: 'trust' | 'login' | 'missing' | 'onboarding', blocking = true) => ({
    kind,
    message: `${kind}?`,
    cure: 'Do it.',
    blocking,
  });

  test('the first that blocks is told; trust that was given opens its own', () => {
    expect(blockingGate([], false)).toBeNull();
    expect(blockingGate([gate('onboarding', false)], false)).toBeNull();
    expect(blockingGate([gate('onboarding', false), gate('trust'), gate('login')], false)).toEqual({
      by: 'person',
      gate: 'trust',
      detail: 'trust? Do it.',
    });
    const login = { by: 'person', gate: 'login', detail: 'login? Do it.' };
    expect(blockingGate([gate('trust'), gate('login')], true)).toEqual(login);
    expect(blockingGate([gate('missing'), gate('login')], true)).toEqual({ by: 'program', detail: 'missing?\nDo it.' });
    expect(blockingGate([gate('trust')], true)).toBeNull();
  });

  test('thirty questions at the same moment are asked once', async () => {
    let now = 0;
    let asked = 0;
    const ask = sharedFor(
      1_000,
      async (name: string) => `${name} ${(asked += 1)}`,
      () => now,
    );
    expect(await Promise.all(Array.from({ length: 30 }, () => ask('claude')))).toEqual(
      Array.from({ length: 30 }, () => 'claude 1'),
    );
    expect(await ask('other')).toBe('other 2');
    now = 1_001;
    expect(await ask('other')).toBe('other 3');
  });
});

const done: Task = {
  id: 't1',
  title: 'a task',
  kind: 'claude',
  state: 'done',
  reason: null,
  priority: 'normal',
  prompt: null,
  command: null,
  after: [],
  on: null,
  needs: [],
  agent: null,
  timeoutMs: null,
  retries: 2,
  verify: null,
  budgetUsd: null,
  key: null,
  createdAt: '',
  updatedAt: '',
  attempts: [],
  result: { summary: '', commit: 'beef', branch: 'swarm/task/t1', costUsd: 0 },
};

function desk(task: Task, more: Partial<TaskDeskDeps> = {}) {
  const seen = events();
  const cancelled: string[] = [];
  const asked: unknown[] = [];
  const taskDesk = new TaskDesk({
    defaultRetries: 7,
    agents: () => [],
    engine: {
      submit: async (specs) => {
        asked.push(...specs);
        return specs.map((_, index) => ({ id: `t${index + 1}`, existing: false }));
      },
      list: (filter) => {
        asked.push(filter);
        return [task];
      },
      get: () => task,
      cancel: async () => ({ task: { ...task, state: 'cancelled' }, lease: { agent: 'worker-1', attempt: 2 } }),
      retry: async () => task,
    },
    events: seen.log,
    cancelAttempt: async (agent, id, attempt) => void cancelled.push(`${agent} ${id} ${attempt}`),
    base: () => ({ branch: 'main', commit: 'c0ffee' }),
    mergeBase: async (a, b) => `${a}..${b}`,
    diff: async (base, commit) => ({ stat: `${base} ${commit}`, patch: 'patch' }),
    merging: async () => undefined,
    merged: async () => undefined,
    merge: async ({ into }) => ({ into, before: 'a', after: 'b', merged: true }),
    ...more,
  });
  return { taskDesk, seen, cancelled, asked };
}

describe('the desk for tasks', () => {
  test('where a task says nothing of retries the config does', async () => {
    const { taskDesk, asked } = desk(done);
    const spec = { title: 'x', priority: 'normal' as const, after: [], needs: [] };
    await taskDesk.submit([spec, { ...spec, retries: 0 }]);
    expect(asked).toMatchObject([{ retries: 7 }, { retries: 0 }]);
  });

  test('a cancel reaches the wrapper that holds the task', async () => {
    const { taskDesk, cancelled } = desk(done);
    await expect(taskDesk.cancel('t1')).resolves.toMatchObject({ state: 'cancelled' });
    expect(cancelled).toEqual(['worker-1 t1 2']);
  });

  test('filters go to the engine as they are meant', () => {
    const { taskDesk, asked } = desk(done);
    taskDesk.list({ state: 'done', limit: 3 });
    taskDesk.list({});
    expect(asked).toEqual([{ state: 'done', limit: 3 }, {}]);
  });

  test('a diff is what the task changed since it left the base', async () => {
    await expect(desk(done).taskDesk.diff('t1')).resolves.toEqual({
      task: 't1',
      base: 'main..beef',
      commit: 'beef',
      stat: 'main..beef beef',
      patch: 'patch',
    });
    const detached = desk(done, { base: () => ({ branch: null, commit: 'c0ffee' }) });
    await expect(detached.taskDesk.diff('t1')).resolves.toMatchObject({ base: 'c0ffee..beef' });
  });

  test('a merge goes into the branch of the base, or the one that is named', async () => {
    const { taskDesk, seen } = desk(done);
    await expect(taskDesk.merge('t1', undefined)).resolves.toEqual({
      task: 't1',
      into: 'main',
      before: 'a',
      after: 'b',
      merged: true,
    });
    await expect(taskDesk.merge('t1', 'release')).resolves.toMatchObject({ into: 'release' });
    expect(seen.names()).toEqual(['task.merged', 'task.merged']);
  });

  test('what has no result, is not done or has no branch to go to is refused with the way out', async () => {
    await expect(desk({ ...done, state: 'running', result: null }).taskDesk.diff('t1')).rejects.toMatchObject({
      code: 'no-result',
    });
    await expect(desk({ ...done, state: 'dead' }).taskDesk.merge('t1', undefined)).rejects.toMatchObject({
      code: 'not-done',
    });
    const detached = desk(done, { base: () => ({ branch: null, commit: 'c0ffee' }) });
    await expect(detached.taskDesk.merge('t1', undefined)).rejects.toMatchObject({ code: 'no-branch', exitCode: 2 });
  });
});

function office(agents: AnyRecord[], more: Partial<ServiceDeps> = {}) {
  const seen = events();
  const orders: { agent: string; order: Order }[] = [];
  const saved: string[] = [];
  const local: string[] = [];
  const said: string[] = [];
  const fleet = new Fleet({
    log: silentLog,
    events: seen.log,
    now: new Time().now,
  });
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
  const checkpoint = (n: number) => ({
    agent: 'worker-1',
    n,
    ref: '',
    commit: '',
    tree: '',
    at: '',
    reason: '',
    task: null,
    attempt: null,
    sessionId: null,
    transcriptUuid: null,
    head: null,
    branch: null,
    files: 1,
    pinned: false,
    warnings: [],
  });
  const service = new Service({
    fleet,
    events: seen.log,
    tasks: desk(done).taskDesk,
    status: () => Promise.reject(new Error('unasked')),
    document: (agent) => agentDocument(agent, null),
    alerts: () => [],
    hasWorktree: () => true,
    messages: {
      send: async (agent, text) => {
        said.push(`${agent}: ${text}`);
        return { id: 'm1', receipt: 'queued' };
      },
      get: () => {
        throw new Error('unasked');
      },
    },
    history: () => {
      throw new Error('unasked');
    },
    explain: () => {
      throw new Error('unasked');
    },
    up: () => Promise.reject(new Error('unasked')),
    down: async () => undefined,
    works: {
      remove: never,
      plan: never,
      rollback: never,
      undo: never,
      knows: () => false,
      handoff: async () => null,
      point: async () => ({ task: null, sessionId: 'its-own', transcriptUuid: 'line-4' }),
    },
    order: async (agent, order) => {
      orders.push({ agent, order });
      return order.do === 'checkpoint' ? { n: 2 } : { n: 1, safety: 3, changed: ['a'] };
    },
    roster: Object.assign(roster(), {
      save: async ({ row }: AnyRecord) => void saved.push(`${row.id} ${row.desired}`),
    }),
    renew: () => {},
    checkpoints: {
      list: async () => [checkpoint(1), checkpoint(2)],
      capture: async (agent, _worktree, { sessionId, transcriptUuid }) => {
        local.push(`capture ${agent} at ${sessionId} ${transcriptUuid}`);
        return checkpoint(2);
      },
      owners: async () => ['worker-7'],
      verbs: () => ({}) as CheckpointService,
    },
    metrics: async () => '',
    degraded: () => [],
    goOn: () => null,
    ...more,
  });
  return { service, said, seen, orders, saved, local, fleet };
}

function never(): Promise<never> {
  return Promise.reject(new Error('no step was to be taken'));
}

const to = (n: number) => ({ n, filesOnly: false, hold: false });

/** An agent at rest: stopped, so that the loop leaves it alone. */
const resting = (id = 'worker-1'): AnyRecord => record(id, { desired: 'stopped' });

function linked(fields: Parameters<typeof snapshot>[1] = {}): AnyRecord {
  const agent = record();
  agent.lifecycle = { phase: 'up', since: 0 };
  agent.observed.linked = true;
  agent.observed.pane = pane();
  agent.observed.snapshot = snapshot('worker-1', fields);
  return agent;
}

describe('the service behind the API', () => {
  test('an agent that does not exist is met with the nearest, or all there are', async () => {
    const { service } = office([resting('worker-1'), resting('reviewer-1')]);
    await expect(service.agent('wroker-1')).rejects.toMatchObject({
      code: 'unknown-agent',
      exitCode: 2,
      hint: 'Did you mean worker-1?',
    });
    await expect(service.agent('xyz')).rejects.toMatchObject({ hint: 'There are: worker-1, reviewer-1' });
    await expect(office([]).service.agent('worker-1')).rejects.toMatchObject({
      hint: 'There are none yet: `swarm up 3`.',
    });
  });

  test('what is wanted of an agent is kept, and told', async () => {
    const { service, saved, seen } = office([resting()]);
    await service.setDesired('worker-1', 'stopped');
    await expect(service.setDesired('worker-1', 'paused')).rejects.toMatchObject({
      code: 'agent-stopped',
      hint: expect.stringContaining('swarm resume worker-1'),
    });
    expect(saved).toEqual(['worker-1 stopped']);
    expect(seen.all[0]).toMatchObject({ name: 'agent.wanted', agent: 'worker-1', data: { desired: 'stopped' } });
  });

  test('a restart is the wrapper’s to do, except where its worktree is gone: then it starts from the beginning', async () => {
    const living = office([linked()]);
    await living.service.restart('worker-1');
    expect(living.orders.map(({ order }) => order.do)).toEqual(['restart']);
    const bare = office([linked()], { hasWorktree: () => false });
    const held = vi.spyOn(bare.fleet, 'whileStopped').mockResolvedValue(undefined);
    await bare.service.restart('worker-1');
    expect(bare.orders).toEqual([]);
    expect(held.mock.calls[0]?.[1]).toEqual({ name: 'a new worktree', leases: 'given-back' });
  });

  test('a linked agent takes its checkpoints itself, for one that is stopped the supervisor does', async () => {
    const living = office([linked()]);
    await expect(living.service.checkpoint('worker-1', 'by hand')).resolves.toMatchObject({ n: 2 });
    expect(living.orders.map(({ order }) => order.do)).toEqual(['checkpoint']);
    const stopped = office([resting()]);
    await settled();
    await stopped.service.checkpoint('worker-1', 'by hand');
    expect([stopped.local, stopped.orders]).toEqual([['capture worker-1 at its-own line-4'], []]);
  });

  test('a checkpoint that does not exist is met with the nearest', async () => {
    const { service } = office([linked()]);
    await expect(service.rollback('worker-1', to(9))).rejects.toMatchObject({
      code: 'unknown-checkpoint',
      exitCode: 2,
      hint: 'Did you mean 2? `swarm checkpoint ls worker-1` shows all.',
    });
    const none = office([linked()], {
      checkpoints: {
        list: async () => [],
        capture: never,
        owners: async () => [],
        verbs: () => ({}) as CheckpointService,
      },
    });
    await expect(none.service.rollback('worker-1', to(9))).rejects.toMatchObject({
      hint: 'It has none yet: `swarm checkpoint worker-1` takes one.',
    });
  });

  test('a rollback in the middle of one task does not bring in another', async () => {
    const busy = linked({ tasks: [{ task: 't4', attempt: 1, slot: 0, phase: 'running', since: '' }] });
    await expect(office([busy]).service.rollback('worker-1', to(1))).rejects.toMatchObject({
      code: 'other-task',
    });
  });

  test('nor while a result is leaving, or a command runs', async () => {
    const held = { task: 't4', attempt: 1, slot: 0, phase: 'reporting', since: '' } as const;
    await expect(office([linked({ tasks: [held] })]).service.rollback('worker-1', to(1))).rejects.toMatchObject({
      code: 'busy',
    });
    const shell = linked({ tasks: [{ ...held, phase: 'running' }] });
    shell.row = { ...shell.row, kind: 'shell' };
    await expect(office([shell]).service.rollback('worker-1', to(1))).rejects.toMatchObject({ code: 'busy' });
  });

  test('checkpoints of an agent that is gone can still be listed', async () => {
    const { service } = office([resting()]);
    await expect(service.checkpoints('worker-7')).resolves.toHaveLength(2);
    await expect(service.checkpoints('worker-8')).rejects.toMatchObject({ code: 'unknown-agent' });
  });

  test('a message is queued for a conversation, and refused where there is none', async () => {
    const { service, said } = office([linked()]);
    await expect(service.send('worker-1', 'hello')).resolves.toEqual({ id: 'm1', receipt: 'queued' });
    expect(said).toEqual(['worker-1: hello']);
    const shell = office([record('runner-1', { kind: 'shell', desired: 'stopped' })]);
    await expect(shell.service.send('runner-1', 'hello')).rejects.toMatchObject({ code: 'no-conversation' });
    await expect(office([resting()]).service.send('worker-1', 'hello')).rejects.toMatchObject({
      code: 'agent-stopped',
      hint: expect.stringContaining('swarm resume worker-1'),
    });
  });

  test('an answer goes to the open question it is meant for', async () => {
    const asks = linked({ needsYou: [{ id: 'q1', kind: 'question', text: 'Which colour?', task: 't1', since: '' }] });
    const { service, orders, seen } = office([asks]);
    await service.answer('worker-1', { decision: 'text', text: 'green' });
    // Its wrapper reports the answer, and by which policy where no person gave one.
    expect(seen.names()).toEqual([]);
    expect(orders[0]?.order).toEqual({ do: 'answer', needsYou: null, decision: 'text', text: 'green' });
    await expect(service.answer('worker-1', { decision: 'allow', needsYou: 'q2' })).rejects.toMatchObject({
      code: 'unknown-question',
      hint: 'Open: q1',
    });
    await expect(office([linked()]).service.answer('worker-1', { decision: 'allow' })).rejects.toMatchObject({
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
    await expect(office([gated]).service.answer('worker-1', { decision: 'allow' })).rejects.toMatchObject({
      code: 'answer-elsewhere',
    });
  });

  test('a restart is ordered of a living one, and starts one that is stopped', async () => {
    const { service, orders } = office([linked()]);
    await service.restart('worker-1');
    expect(orders[0]?.order).toEqual({ do: 'restart' });
    const stopped = office([resting()], {});
    await stopped.service.restart('worker-1');
    expect(stopped.saved).toEqual(['worker-1 up']);
  });

  test('the answer to letting an agent go on says what that granted', async () => {
    const { service } = office([linked()], { goOn: () => '2.00 USD more' });
    expect(await service.setDesired('worker-1', 'up')).toMatchObject({ granted: '2.00 USD more' });
    expect(await service.restart('worker-1')).toMatchObject({ granted: '2.00 USD more' });
    expect(await service.setDesired('worker-1', 'paused')).not.toHaveProperty('granted');
  });

  test('health is what is degraded', () => {
    expect(office([]).service.health()).toEqual({ ok: true, degraded: [] });
    expect(office([], { degraded: () => ['broker down'] }).service.health()).toEqual({
      ok: false,
      degraded: ['broker down'],
    });
  });
});
