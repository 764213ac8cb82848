import { moveTimes } from '../../../../src/supervisor/fleet/move-times.ts';
import { situationOf, usageOf } from '../../../../src/supervisor/project/agent-record.ts';
import { describe, expect, test } from 'vitest';
import { judge } from '../../../../src/health/index.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';
import type { Order } from '../../../../src/coordination/link.ts';
import { AgentSteps, type RestartPolicy, type AgentEffects } from '../../../../src/supervisor/fleet/agent-steps.ts';
import { factsOf } from '../../../../src/supervisor/watch/facts.ts';
import { decide, type Lifecycle } from '../../../../src/supervisor/project/lifecycle.ts';
import { BEGIN, events, pane, record, roster, silentLog, snapshot, Time } from '../kit.ts';

const POLICY: RestartPolicy = {
  restart: 'permanent',
  intensity: 3,
  windowMs: 60_000,
  backoffMs: 1_000,
  backoffMaxMs: 30_000,
};

function scene(more: Partial<AgentEffects> = {}) {
  const time = new Time();
  const seen = events();
  const calls: string[] = [];
  const orders: Order[] = [];
  const noted: Lifecycle['phase'][] = [];
  const logged: string[] = [];
  const call =
    <T>(name: string, value: T) =>
    async (): Promise<T> => {
      calls.push(name);
      return value;
    };
  const ports: AgentEffects = {
    log: silentLog,
    events: seen.log,
    now: time.now,
    policy: () => POLICY,
    stopGraceMs: 5_000,
    gate: call('gate', null),
    settings: call('settings', null),
    logError: (_agent, text) => void logged.push(text),
    ensureWorktree: call('worktree', null),
    setUp: call('set-up', { done: true }),
    writeSpec: call('spec', '/spec'),
    openPane: call('open', undefined),
    closePane: call('close', undefined),
    lastWords: call('words', null),
    endProcesses: async (_record, graceMs) => {
      calls.push(`end ${graceMs}`);
      return [];
    },
    order: async (_agent, order) => void orders.push(order),
    giveBackLeases: async (_record, how) => void calls.push(how),
    settleOperations: async () => {},
    roster: Object.assign(roster(), { save: call('save', undefined) }),
    ...more,
  };
  const runner = new AgentSteps(ports);
  return {
    time,
    seen,
    calls,
    orders,
    noted,
    logged,
    runner,
    start: (agent = record()) => runner.start(agent, (lifecycle) => noted.push(lifecycle.phase)),
  };
}

const crash = { detail: 'its wrapper ended (exit 1)', vanished: false };
const vanish = { detail: 'its tmux session is gone', vanished: true };

const full = (): Promise<never> => Promise.reject(new Error('the disk is full'));

describe('a start', () => {
  test('proves every earlier process gone, gives its leases back, then makes the worktree and the pane', async () => {
    const w = scene();
    const agent = record();
    w.time.pass(500);
    await expect(w.start(agent)).resolves.toEqual({ phase: 'starting', since: BEGIN + 500 });
    expect(w.calls).toEqual(['gate', 'end 0', 'lost', 'worktree', 'set-up', 'settings', 'spec', 'open']);
    expect(w.noted).toEqual(['preparing']);
    expect(agent.observed.silentSince).toBe(BEGIN + 500);
    expect(w.seen.names()).toEqual(['agent.started']);
  });

  test('begins nothing while an earlier process lives', async () => {
    const w = scene({ endProcesses: async () => [4711, 4712] });
    await expect(w.start()).rejects.toThrow('processes 4711, 4712 of worker-1 cannot be ended');
    expect(w.calls).toEqual(['gate']);
  });

  test('does not begin before the leases are given back', async () => {
    const w = scene({ giveBackLeases: () => Promise.reject(new Error('the disk is full')) });
    await expect(w.start()).rejects.toThrow('the disk is full');
    expect(w.calls).not.toContain('open');
  });

  test('waits at a gate, looks again and again, and tells it once', async () => {
    const w = scene({ gate: async () => ({ by: 'person', gate: 'login', detail: 'Claude Code is not logged in.' }) });
    const agent = record();
    agent.lifecycle = await w.start(agent);
    expect(agent.lifecycle).toEqual({
      phase: 'blocked',
      since: BEGIN,
      lookAgainAt: BEGIN + 3_000,
      gate: 'login',
      detail: 'Claude Code is not logged in.',
    });
    w.time.pass(3_000);
    agent.lifecycle = await w.start(agent);
    expect(agent.lifecycle).toMatchObject({ phase: 'blocked', since: BEGIN, lookAgainAt: BEGIN + 6_000 });
    expect(w.seen.names()).toEqual(['agent.needs-you']);
    expect(w.calls).toEqual([]);
  });

  test('is not made where a setting that came with its worktree would blind swarm', async () => {
    const detail = 'disableAllHooks in /w/.claude/settings.json';
    const w = scene({ settings: async () => ({ by: 'person', gate: 'settings', detail }) });
    expect(await w.start()).toMatchObject({ phase: 'blocked', gate: 'settings', detail });
    expect(w.calls).toContain('set-up');
    expect(w.calls).not.toContain('open');
  });

  test('of a program that cannot be started is not tried: it has failed at once, told once, until a look finds it', async () => {
    const obstacle = {
      by: 'program',
      detail: '/bin/x cannot be started: there is no such file.\nInstall it.',
    } as const;
    let found: typeof obstacle | null = obstacle;
    const w = scene({ gate: async () => found });
    const agent = record();
    agent.lifecycle = await w.start(agent);
    const detail = `${obstacle.detail} It goes on by itself then, with \`swarm restart worker-1\` at once.`;
    expect(agent.lifecycle).toEqual({ phase: 'failed', since: BEGIN, lookAgainAt: BEGIN + 3_000, detail });
    expect(decide('up', situationOf(agent), BEGIN + 2_999)).toBeNull();
    expect(decide('up', situationOf(agent), BEGIN + 3_000)).toEqual({ do: 'start' });
    w.time.pass(3_000);
    agent.lifecycle = await w.start(agent);
    expect(agent.lifecycle).toMatchObject({ phase: 'failed', since: BEGIN, lookAgainAt: BEGIN + 6_000 });
    expect([w.seen.names(), w.logged, w.calls, w.noted]).toEqual([['agent.failed'], [detail], [], []]);
    expect(agent.deaths).toEqual([]);
    found = null;
    w.time.pass(3_000);
    await expect(w.start(agent)).resolves.toMatchObject({ phase: 'starting' });
  });

  test('tells what is odd about its worktree', async () => {
    const w = scene({ ensureWorktree: async () => 'the submodule lib is empty' });
    await w.start();
    expect(w.seen.all[0]).toMatchObject({ name: 'agent.note', data: { note: 'the submodule lib is empty' } });
  });

  test('whose worktree is being set up names the step, and goes no further when that fails or is aborted', async () => {
    const answers = [
      { done: false, detail: 'set-up failed: ["npm","ci"] ended with exit 1' },
      { done: false, detail: null },
      { done: true },
    ] as const;
    const noted: Lifecycle[] = [];
    const w = scene({
      setUp: async (agent, signal, progress) => {
        progress('npm ci');
        expect(agent.step.interrupt?.signal).toBe(signal);
        return answers[noted.filter(({ phase }) => phase === 'preparing').length / 2 - 1] ?? { done: true };
      },
    });
    const agent = record();
    const start = () => w.runner.start(agent, (lifecycle) => noted.push(lifecycle));
    await expect(start()).resolves.toMatchObject({ phase: 'failed', detail: answers[0].detail });
    expect(noted.at(-1)).toEqual({ phase: 'preparing', since: BEGIN, setup: 'npm ci' });
    await expect(start()).resolves.toMatchObject({ phase: 'due', detail: 'its set-up was interrupted' });
    expect(w.calls).not.toContain('open');
    await expect(start()).resolves.toMatchObject({ phase: 'starting' });
    expect(agent.step.interrupt).toBeNull();
  });

  test('of a role that swarm.yaml has no more ends there, with the reason', async () => {
    const w = scene({ policy: () => null });
    await expect(w.start(record('reviewer-1', { role: 'reviewer' }))).resolves.toMatchObject({
      phase: 'failed',
      detail: 'swarm.yaml has no role reviewer any more',
    });
    expect(w.calls).toEqual([]);
  });
});

describe('after a death', () => {
  test('the processes are proved gone before the leases are given back as lost', async () => {
    const w = scene();
    const agent = record();
    await expect(w.runner.recover(agent, crash)).resolves.toMatchObject({
      phase: 'backoff',
      of: 'start',
      detail: crash.detail,
    });
    expect(w.calls).toEqual(['end 5000', 'lost', 'save']);
    expect(agent.row.restarts).toBe(1);
    expect(w.seen.names()).toEqual(['agent.died']);
  });

  test('what a wrapper said before its log was open is part of the reason, and in its log', async () => {
    const w = scene({ lastWords: async () => ({ line: 'Error: no reg', lines: ['Error: no reg', 'Node.js v24'] }) });
    const agent = record();
    const detail = 'its wrapper ended (exit 1)';
    for (let death = 1; death <= 3; death += 1) {
      await w.start(agent);
      agent.observed.pane = { ...pane(), dead: true };
      agent.observed.snapshot = null;
      await expect(w.runner.recover(agent, { detail, vanished: false })).resolves.toMatchObject({
        phase: 'backoff',
        detail: `${detail}: Error: no reg`,
      });
    }
    await w.start(agent);
    await expect(w.runner.recover(agent, { detail, vanished: false })).resolves.toMatchObject({
      phase: 'failed',
      detail: `died 4 times within 1 min, last: ${detail}: Error: no reg`,
    });
    expect(w.logged).toContain('its wrapper said: Node.js v24');
    expect(w.logged.at(-1)).toContain('died 4 times');
  });

  test('a screen is no reason where the wrapper has a log, or was started by an earlier supervisor', async () => {
    const w = scene({ lastWords: async () => ({ line: 'a word of the agent', lines: [] }) });
    const agent = record();
    agent.observed.pane = { ...pane(), dead: true };
    await expect(w.runner.recover(agent, crash)).resolves.toMatchObject({ detail: crash.detail });
    await w.start(agent);
    agent.observed.snapshot = snapshot();
    agent.observed.pane = { ...pane(), dead: true };
    await expect(w.runner.recover(agent, crash)).resolves.toMatchObject({ detail: crash.detail });
  });

  test('nothing is given back while something lives', async () => {
    const w = scene({ endProcesses: async () => [1] });
    await expect(w.runner.recover(record(), crash)).rejects.toThrow('cannot be ended');
    expect(w.calls).toEqual([]);
  });

  test('the wait grows with each death and is over with the window', async () => {
    const w = scene({ policy: () => ({ ...POLICY, intensity: 100 }) });
    const agent = record();
    for (let death = 1; death <= 20; death += 1) {
      const next = await w.runner.recover(agent, crash);
      const limit = Math.min(30_000, 1_000 * 2 ** (death - 1));
      if (next.phase !== 'backoff') throw new Error(next.phase);
      expect(next.until - BEGIN).toBeLessThanOrEqual(limit);
    }
    w.time.pass(60_000);
    await w.runner.recover(agent, crash);
    expect(agent.deaths).toHaveLength(1);
  });

  test('one death too many within the window ends in failed', async () => {
    const w = scene();
    const agent = record();
    for (let death = 1; death <= 3; death += 1) expect((await w.runner.recover(agent, crash)).phase).toBe('backoff');
    await expect(w.runner.recover(agent, crash)).resolves.toEqual({
      phase: 'failed',
      since: BEGIN,
      detail: `died 4 times within 1 min, last: ${crash.detail}`,
    });
    expect(w.seen.names().at(-1)).toBe('agent.failed');
  });

  test('a session that vanished is not held against the agent, the first time not even with a wait', async () => {
    const w = scene();
    const agent = record();
    const waits: number[] = [];
    for (let death = 1; death <= 20; death += 1) {
      const next = await w.runner.recover(agent, vanish);
      if (next.phase !== 'backoff') throw new Error(next.phase);
      waits.push(next.until - BEGIN);
    }
    expect(waits[0]).toBe(0);
    // Yet sessions that vanish one after the other are not made at full speed.
    expect(Math.max(...waits)).toBeGreaterThan(5_000);
    expect(agent.deaths).toEqual([]);
  });

  test.each<[RestartPolicy['restart'], number | null, Lifecycle['phase']]>([
    ['permanent', 0, 'backoff'],
    ['transient', 0, 'failed'],
    ['transient', 1, 'backoff'],
    ['transient', null, 'backoff'],
    ['temporary', 1, 'failed'],
  ])('%s with exit code %s: %s', async (restart, status, phase) => {
    const w = scene({ policy: () => ({ ...POLICY, restart }) });
    const agent = record();
    agent.observed.pane = pane({ dead: true, status });
    expect((await w.runner.recover(agent, crash)).phase).toBe(phase);
  });

  test('of a role that is gone it is not started again, but its task is given back', async () => {
    const w = scene({ policy: () => null });
    await expect(w.runner.recover(record(), crash)).resolves.toMatchObject({ phase: 'failed' });
    expect(w.calls).toContain('lost');
  });

  test('a full disk keeps it from nothing once the leases are given back', async () => {
    const w = scene({ roster: Object.assign(roster(), { save: full }) });
    await expect(w.runner.recover(record(), crash)).resolves.toMatchObject({ phase: 'backoff' });
  });
});

describe('a stop', () => {
  test('is ordered, proved, and its unfinished task given back', async () => {
    const w = scene();
    const agent = record();
    agent.observed.linked = true;
    agent.observed.pane = pane();
    await expect(w.runner.stop(agent)).resolves.toEqual({ phase: 'none', since: BEGIN });
    expect(w.orders).toEqual([{ do: 'stop', graceMs: 5_000 }]);
    expect(w.calls).toEqual(['end 5000', 'close', 'released', 'save']);
    expect(agent.observed.pane).toBeNull();
    expect(w.seen.names()).toEqual(['agent.stopped']);
  });

  test('for a rollback keeps its pane and its leases, and it is about to start again, not to recover', async () => {
    const w = scene();
    const agent = record();
    agent.observed.linked = true;
    agent.observed.pane = pane();
    agent.lifecycle = await w.runner.stop(agent, { name: 'the rollback to checkpoint 3', leases: 'left' });
    expect(w.orders).toEqual([{ do: 'stop', graceMs: 5_000, leaveAttempts: true }]);
    expect(w.calls).toEqual(['end 5000', 'save']);
    agent.observed.linked = false;
    agent.observed.pane = pane({ dead: true });
    const limits = { stuckAfterMs: 1, longestCommandMs: 1, loopAfter: 3 };
    const facts = factsOf(agent, { desired: 'up', limits, probeError: null, now: BEGIN });
    expect(judge(facts, BEGIN)).toMatchObject({ status: 'starting', reason: 'after the rollback to checkpoint 3' });
  });

  test('of one that does not confirm goes on to the proof', async () => {
    const w = scene({ order: () => Promise.reject(new Error('no ack')) });
    const agent = record();
    agent.observed.linked = true;
    await expect(w.runner.stop(agent)).resolves.toMatchObject({ phase: 'none' });
  });

  test('of one that is not linked orders nothing', async () => {
    const w = scene();
    await w.runner.stop(record());
    expect(w.orders).toEqual([]);
  });

  test('is not over while something lives', async () => {
    const w = scene({ endProcesses: async () => [13] });
    await expect(w.runner.stop(record())).rejects.toThrow('processes 13 of worker-1');
    expect(w.calls).toEqual([]);
  });

  test('is possible on a full disk', async () => {
    const w = scene({ giveBackLeases: full, roster: Object.assign(roster(), { save: full }) });
    await expect(w.runner.stop(record())).resolves.toMatchObject({ phase: 'none' });
  });

  test('keeps what the wrapper had cost', async () => {
    const w = scene();
    const agent = record();
    agent.observed.snapshot = snapshot('worker-1', {
      usage: { costUsd: 2, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 },
    });
    await w.runner.stop(agent);
    expect(agent.observed.snapshot).toBeNull();
    expect(usageOf(agent).costUsd).toBe(2);
  });
});

test('a step that fails is tried again ever more rarely, a stop sooner than a start', () => {
  const { runner } = scene();
  const waits = (phase: Lifecycle, of: 'start' | 'stop'): number[] =>
    [1, 2, 3, 10, 100].map((count) => {
      const agent = record();
      agent.lifecycle = phase;
      agent.step.failed = { count, detail: 'x' };
      const next = runner.afterFailure(agent, 'x');
      if (next.phase !== 'backoff') throw new Error(next.phase);
      expect(next.of).toBe(of);
      return next.until - BEGIN;
    });
  expect(waits({ phase: 'preparing', since: BEGIN }, 'start')).toEqual([2_000, 4_000, 8_000, 30_000, 30_000]);
  expect(waits({ phase: 'recovering', since: BEGIN, detail: '' }, 'start')).toEqual([
    2_000, 4_000, 8_000, 30_000, 30_000,
  ]);
  expect(waits({ phase: 'stopping', since: BEGIN }, 'stop')).toEqual([1_000, 2_000, 4_000, 10_000, 10_000]);
});

test('a step that no waiting mends is not tried again, except an end', () => {
  const { runner, logged } = scene();
  const error = new SwarmError('git-missing', 'git cannot be started', { hint: 'Install git.', lasting: true });
  const agent = record();
  agent.lifecycle = { phase: 'preparing', since: BEGIN };
  const detail = 'git cannot be started\nInstall git. Then run `swarm restart worker-1`.';
  expect(runner.afterFailure(agent, error)).toEqual({ phase: 'failed', since: BEGIN, detail });
  expect(logged).toEqual([detail]);
  agent.lifecycle = { phase: 'stopping', since: BEGIN };
  expect(runner.afterFailure(agent, error)).toMatchObject({ phase: 'backoff', of: 'stop' });
});

test('a restart waits for as long as it was to wait, however the clock is set', () => {
  for (const byMs of [3_600_000, -3_600_000]) {
    const agent = record();
    agent.lifecycle = { phase: 'backoff', since: BEGIN, until: BEGIN + 10_000, of: 'start', detail: '' };
    moveTimes(agent, { ms: byMs, end: BEGIN + byMs });
    expect(decide('up', situationOf(agent), BEGIN + byMs + 9_999)).toBeNull();
    expect(decide('up', situationOf(agent), BEGIN + byMs + 10_000)).toEqual({ do: 'start' });
  }
});

test('what was noted between a set clock and the look that found it is not moved a second time', () => {
  for (const byMs of [3_600_000, -3_600_000]) {
    const now = BEGIN + byMs;
    const agent = record();
    agent.observed.silentSince = now - 800;
    agent.observed.linkSince = BEGIN - 800;
    agent.lifecycle = { phase: 'backoff', since: now - 800, until: now + 9_200, of: 'start', detail: '' };
    moveTimes(agent, { ms: byMs, end: now });
    expect([now - agent.observed.silentSince, now - agent.observed.linkSince]).toEqual([800, 800]);
    expect(decide('up', situationOf(agent), now + 9_199)).toBeNull();
    expect(decide('up', situationOf(agent), now + 9_200)).toEqual({ do: 'start' });
  }
});
