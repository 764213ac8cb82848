import { situationOf, usageOf } from '../../../src/supervisor/project/agent-record.ts';
import { describe, expect, test } from 'vitest';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import { documentSchemas } from '../../../src/api/document-schemas.ts';
import type { Project } from '../../../src/supervisor/project/project.ts';
import { EventLog, type EventStore } from '../../../src/supervisor/project/event-log.ts';
import { factsOf } from '../../../src/supervisor/watch/facts.ts';
import type { Lifecycle } from '../../../src/supervisor/project/lifecycle.ts';
import { metricsText } from '../../../src/supervisor/metrics.ts';
import { buildSpec } from '../../../src/supervisor/fleet/agent-spec.ts';
import { statusDocument } from '../../../src/supervisor/status-document.ts';
import { agentDocument, openQuestions } from '../../../src/supervisor/agents/agent-document.ts';
import { agentSpecSchema } from '../../../src/coordination/link.ts';
import { projectLayout } from '../../../src/domain/layout.ts';
import { TASK_STATES } from '../../../src/domain/task.ts';
import { BEGIN, config, pane, record, roster, says, settled, snapshot } from './kit.ts';

const use = (usd: number) => ({
  costUsd: usd,
  inputTokens: 10,
  outputTokens: 5,
  cacheReadTokens: 3,
  cacheCreationTokens: 2,
});
const layout = projectLayout({
  gitCommonDir: '/repo/.git',
  root: '/repo',
  env: { HOME: '/home/ada', XDG_RUNTIME_DIR: '/run' },
  uid: 1,
  tmpdir: '/tmp',
});

describe('the event log', () => {
  const store = (): EventStore & { kept: Omit<EventDocument, 'id'>[] } => {
    const kept: Omit<EventDocument, 'id'>[] = [];
    return { kept, append: async (event) => kept.push(event), after: () => [] };
  };

  test('tells an event once it is kept, in the order in which it happened', async () => {
    const log = new EventLog(store(), () => undefined);
    const heard: string[] = [];
    const stop = log.subscribe(({ id, name }) => heard.push(`${id} ${name}`));
    log.emit('agent.stopped', { agent: 'worker-1' });
    log.emit('swarm.down');
    expect(heard).toEqual([]);
    await log.drain();
    expect(heard).toEqual(['1 agent.stopped', '2 swarm.down']);
    stop();
    log.emit('swarm.down');
    await log.drain();
    expect(heard).toHaveLength(2);
  });

  test('keeps the time at which it happened, where that is known', async () => {
    const kept = store();
    const log = new EventLog(kept, () => undefined);
    log.tell('turn.ended', { at: '2030-01-01T00:00:00.000Z' });
    log.emit('swarm.down');
    await log.drain();
    expect(kept.kept[0]?.at).toBe('2030-01-01T00:00:00.000Z');
    expect(Date.parse(kept.kept[1]?.at ?? '')).not.toBeNaN();
  });

  test('a listener that throws takes nothing from the others', async () => {
    const problems: unknown[] = [];
    const log = new EventLog(store(), (error) => problems.push(error));
    const heard: string[] = [];
    log.subscribe(() => {
      throw new Error('a broken dashboard');
    });
    log.subscribe(({ name }) => heard.push(name));
    log.emit('swarm.down');
    await log.drain();
    expect(heard).toEqual(['swarm.down']);
    expect(problems).toHaveLength(1);
  });

  test('a listener that leaves while it is told takes nothing from the others', async () => {
    const log = new EventLog(store(), () => undefined);
    const heard: string[] = [];
    const stop = log.subscribe(() => stop());
    log.subscribe(({ name }) => heard.push(name));
    log.emit('swarm.down');
    await log.drain();
    expect(heard).toEqual(['swarm.down']);
  });

  test('a disk that is full is reported and stops no agent', async () => {
    const problems: unknown[] = [];
    const full = { append: () => Promise.reject(new Error('the disk is full')), after: () => [] };
    const log = new EventLog(full, (error) => problems.push(error));
    log.emit('swarm.down');
    await log.drain();
    await settled();
    expect(problems).toHaveLength(1);
  });
});

describe('the record of an agent', () => {
  test('a new wrapper adds to what the agents before it have cost', () => {
    const agent = record();
    expect(says(agent, snapshot('worker-1', { incarnation: 'a', usage: use(1) }), BEGIN)).toBe(false);
    expect(says(agent, snapshot('worker-1', { incarnation: 'a', usage: use(2) }), BEGIN)).toBe(false);
    expect(usageOf(agent).costUsd).toBe(2);
    expect(says(agent, snapshot('worker-1', { incarnation: 'b', usage: use(0.5) }), BEGIN)).toBe(true);
    expect(usageOf(agent).costUsd).toBe(2.5);
    expect(agent.row.usage.costUsd).toBe(2);
  });

  test('the conversation of the last wrapper is kept, and an unknown one forgets none', () => {
    const agent = record();
    expect(says(agent, snapshot('worker-1', { sessionId: 's1' }), BEGIN)).toBe(true);
    expect(says(agent, snapshot('worker-1', { sessionId: null }), BEGIN)).toBe(false);
    expect(agent.row.sessionId).toBe('s1');
  });

  test('tells how a dead pane ended, as far as tmux knows', () => {
    const agent = record();
    const ending = (fields: Parameters<typeof pane>[0]): string | null | undefined => {
      agent.observed.pane = pane(fields);
      return situationOf(agent).pane?.ending;
    };
    expect(ending({ dead: false })).toBeNull();
    expect(ending({ dead: true, status: 3 })).toBe('exit 3');
    expect(ending({ dead: true, signal: 9 })).toBe('signal 9');
    expect(ending({ dead: true })).toBeNull();
  });
});

describe('what health is told of the lifecycle', () => {
  const fact = (lifecycle: Lifecycle, desired: 'up' | 'stopped' = 'up') => {
    const agent = record();
    agent.lifecycle = lifecycle;
    return factsOf(agent, {
      desired,
      limits: { stuckAfterMs: 1, longestCommandMs: 1, loopAfter: 3 },
      probeError: null,
      now: BEGIN + 12_345,
    }).lifecycle;
  };
  const since = BEGIN;

  test.each<[Lifecycle, string, string | null]>([
    [{ phase: 'none', since }, 'starting', null],
    [{ phase: 'blocked', since, lookAgainAt: 0, gate: 'login', detail: 'log in' }, 'blocked', 'log in'],
    [{ phase: 'preparing', since }, 'starting', 'its worktree is being prepared'],
    [{ phase: 'preparing', since, setup: 'npm ci' }, 'starting', 'set-up: npm ci (12 s)'],
    [{ phase: 'starting', since }, 'starting', null],
    [{ phase: 'up', since }, 'none', null],
    [{ phase: 'recovering', since, detail: 'died' }, 'restarting', 'died'],
    [{ phase: 'backoff', since, until: BEGIN + 5, of: 'start', detail: 'died' }, 'restarting', 'died'],
    [{ phase: 'backoff', since, until: BEGIN + 5, of: 'stop', detail: 'lives' }, 'stopping', 'lives'],
    [{ phase: 'due', since, detail: 'after its rollback' }, 'starting', 'after its rollback'],
    [{ phase: 'stopping', since }, 'stopping', null],
    [{ phase: 'stopping', since, detail: 'for its rollback' }, 'stopping', 'for its rollback'],
    [{ phase: 'failed', since, detail: 'too often' }, 'failed', 'too often'],
  ])('%o', (lifecycle, phase, detail) => {
    expect(fact(lifecycle)).toMatchObject({ phase, detail, since });
  });

  test('an agent that is neither wanted nor there is not starting', () => {
    expect(fact({ phase: 'none', since }, 'stopped').phase).toBe('none');
  });

  test('a pane, its absence and its link are told with their times', () => {
    const agent = record();
    const context = {
      desired: 'up' as const,
      limits: { stuckAfterMs: 1, longestCommandMs: 1, loopAfter: 3 },
      probeError: null,
      now: BEGIN + 12_345,
    };
    expect(factsOf(agent, context)).toMatchObject({
      pane: { exists: false, at: BEGIN },
      link: { connected: false, lastSeenAt: null },
      snapshotAt: null,
    });
    agent.observed.pane = pane({ pid: 99 });
    says(agent, snapshot(), BEGIN + 7);
    expect(factsOf(agent, context)).toMatchObject({
      pane: { exists: true, pid: 99, dead: false },
      link: { lastSeenAt: BEGIN + 7 },
      snapshotAt: BEGIN + 7,
    });
  });
});

describe('documents', () => {
  const busy = () => {
    const agent = record();
    agent.observed.linked = true;
    agent.observed.pane = pane();
    says(
      agent,
      snapshot('worker-1', {
        sessionId: 's1',
        permissionMode: 'auto',
        usage: use(1.5),
        restarts: 2,
        branch: 'swarm/task/t3',
        checkpoint: { n: 4, at: '' },
        tasks: [{ task: 't3', attempt: 1, slot: 0, phase: 'running', since: '' }],
        needsYou: [
          { id: 'q1', kind: 'question', text: 'Which colour?', task: 't3', since: new Date(BEGIN).toISOString() },
        ],
      }),
      BEGIN,
    );
    return agent;
  };

  test('an agent at work', () => {
    expect(agentDocument(busy(), { cpuPercent: 12, rssBytes: 1_000 })).toMatchObject({
      id: 'worker-1',
      permissionMode: 'auto',
      pid: 4712,
      session: '$1',
      pane: '%1',
      task: 't3',
      branch: 'swarm/task/t3',
      sessionId: 's1',
      restarts: 2,
      checkpoint: 4,
      costUsd: 1.5,
      tokens: 20,
      cpuPercent: 12,
      rssBytes: 1_000,
    });
  });

  test('an agent that was stopped has no process and no task, and keeps what it has cost', () => {
    const agent = busy();
    agent.observed.pane = null;
    agent.observed.linked = false;
    roster().wrapperEnded(agent);
    agent.observed.snapshot = null;
    expect(agentDocument(agent, null)).toMatchObject({
      pid: null,
      session: null,
      pane: null,
      task: null,
      sessionId: 's1',
      costUsd: 1.5,
      cpuPercent: null,
    });
  });

  test('questions are open while the wrapper that asks is there, and at a gate', () => {
    const agent = busy();
    expect(openQuestions(agent)).toEqual([
      {
        id: 'q1',
        agent: 'worker-1',
        kind: 'question',
        text: 'Which colour?',
        task: 't3',
        since: '2030-01-01T00:00:00.000Z',
      },
    ]);
    agent.observed.linked = false;
    expect(openQuestions(agent)).toEqual([]);
    agent.lifecycle = { phase: 'blocked', since: BEGIN, lookAgainAt: 0, gate: 'trust', detail: 'Trust?' };
    expect(openQuestions(agent)).toMatchObject([{ id: 'trust', kind: 'trust', text: 'Trust?' }]);
  });

  const tasks = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<
    (typeof TASK_STATES)[number],
    number
  >;
  const status = (queues: Promise<never[]>, goingDown = false) =>
    statusDocument({
      project: { layout } as Project,
      version: '1',
      base: { branch: 'main', commit: 'c0ffee' },
      supervisor: { goingDown, since: new Date(BEGIN).toISOString(), epoch: 3, buildId: 'b' },
      broker: { state: 'up', url: 'amqp://127.0.0.1', pid: 2, private: true, reason: null },
      degraded: [],
      config: { version: null, since: new Date(BEGIN).toISOString(), refused: null, later: [], outdated: [] },
      records: [busy()],
      use: () => null,
      tasks: { ...tasks, done: 5 },
      queues,
    });

  test('the whole state fits its published schema, also while the broker cannot be asked', async () => {
    const document = await status(Promise.reject(new Error('gone')));
    expect(document.queues).toEqual([]);
    expect(document.needsYou).toHaveLength(1);
    expect(document.supervisor).toMatchObject({ state: 'up', pid: process.pid, epoch: 3 });
    expect((await status(Promise.resolve([]), true)).supervisor.state).toBe('stopping');
    expect(() => documentSchemas.status.parse(JSON.parse(JSON.stringify(document)))).not.toThrow();
  });

  test('metrics are gauges of that state', async () => {
    const text = await metricsText(await status(Promise.resolve([])), { rss: 42 } as NodeJS.MemoryUsage, 1.5);
    for (const line of [
      'swarm_agents{status="unknown"} 1',
      'swarm_agent_cost_usd{agent="worker-1"} 1.5',
      'swarm_tasks{state="done"} 5',
      'swarm_needs_you 1',
      'swarm_broker_up 1',
      'swarm_supervisor_resident_memory_bytes 42',
    ]) {
      expect(text).toContain(line);
    }
  });
});

describe('what a wrapper needs to begin', () => {
  const settings = config({
    agents: {
      worker: { model: 'opus', capabilities: ['gpu'] },
      runner: { kind: 'shell', slots: 3, command: ['claude'] },
    },
  });
  const spec = (role: 'worker' | 'runner', claudeCommand: string[] | null = null) => {
    const agent = record(`${role}-1`, { role, sessionId: role === 'worker' ? 's1' : null });
    const settled = settings.agents[role];
    if (settled === undefined) throw new Error(role);
    return buildSpec(agent, settled, {
      layout,
      config: settings,
      base: { branch: 'main', commit: 'c0ffee' },
      buildId: 'b',
      supervisorArgv: ['node', 'supervisor.js'],
      trustWorkspace: true,
      claudeCommand,
      env: {},
      gate: { hold: null, stops: false, afterMs: 0, costLimitUsd: null, heard: 0 },
    });
  };

  test('fits the schema that the wrapper checks it by', () => {
    for (const role of ['worker', 'runner'] as const)
      expect(() => agentSpecSchema.parse(JSON.parse(JSON.stringify(spec(role))))).not.toThrow();
  });

  test('names its capabilities, among them the one that is its alone', () => {
    expect(spec('worker').capabilities).toEqual(['gpu', '@worker-1']);
    expect(spec('runner').capabilities).toEqual(['@runner-1', 'shell']);
  });

  test('goes on with the conversation, with the model and the program of the role', () => {
    expect(spec('worker')).toMatchObject({
      resume: { sessionId: 's1' },
      command: ['claude', '--model', 'opus'],
      token: 'token-of-worker-1',
    });
    expect(spec('worker', ['/state/claude']).command).toEqual(['/state/claude', '--model', 'opus']);
    expect(spec('runner', ['/state/claude'])).toMatchObject({ resume: null, command: ['claude'], slots: 3 });
  });
});
