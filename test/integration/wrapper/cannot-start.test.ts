import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Attempt } from '../../../src/wrapper/task/attempt.ts';
import { ClaudeAgent, type ClaudeAgentDeps } from '../../../src/wrapper/claude/claude-agent.ts';
import { ModelAccess } from '../../../src/wrapper/claude/model-access.ts';
import type { Workspace } from '../../../src/wrapper/contract/effects.ts';
import { NO_PREPARATION } from '../../../src/wrapper/task/prompt.ts';
import { AgentState } from '../../../src/wrapper/contract/state.ts';
import type { WrapperSnapshot } from '../../../src/coordination/link.ts';
import type { TaskOrder } from '../../../src/coordination/messages.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../unit/wrapper/support.ts';

let directory = '';
let program = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'cannot-start-'));
  program = path.join(directory, 'claude');
});
afterEach(() => rm(directory, { recursive: true }));

const install = (): Promise<void> => writeFile(program, '#!/bin/sh\nexec sleep 0\n', { mode: 0o755 });

/** An agent whose program is missing; each start that is tried is noted with its prompt. */
async function openAgent({
  before = () => Promise.resolve(),
  capture = () => Promise.resolve({ n: 1 }),
  intensity = 5,
}: { before?: () => Promise<void>; capture?: () => Promise<{ n: number }>; intensity?: number } = {}) {
  const clock = new ManualClock();
  const tried: (string | null)[] = [];
  const events: string[] = [];
  let looks = 0;
  const restart = { policy: 'permanent', intensity, windowMs: 900_000, backoffMs: 1_000, backoffMaxMs: 30_000 };
  const place = { agent: 'worker-1', project: 'p', worktree: directory };
  const spec = { ...place, idle: 'eager', stopGraceMs: 1, restart, unanswered: {}, checkpoints: { before: [] } };
  const state = new AgentState({
    sessionId: null,
    failure: null,
    held: null,
    restarts: 0,
    lastExit: null,
    tasks: [] as WrapperSnapshot['tasks'],
  } as WrapperSnapshot);
  const agent = await ClaudeAgent.open({
    spec,
    access: new ModelAccess({ state, linked: () => true, clock }),
    workspace: { capture },
    openEndpoint: () => Promise.resolve({ close: () => Promise.resolve() }),
    launch: async ({ prompt }: { prompt: string | null }) => {
      tried.push(prompt);
      await before();
      return { argv: [program], env: { PATH: '/usr/bin:/bin' }, usageFrom: 'transcript' };
    },
    terminal: {
      presence: () => Promise.resolve(null),
      screen: () => Promise.resolve(''),
      // A line more each time, so that no end is without words.
      printed: () => Promise.resolve('it broke\n'.repeat((looks += 1))),
    },
    transcript: async () => '/nowhere/transcript.jsonl',
    sessionExists: () => Promise.resolve(false),
    hasPrompt: () => Promise.resolve(false),
    blinding: async () => null,
    processes: {
      identity: () => null,
      cpuMs: () => 0,
      endMarked: () => Promise.resolve(),
      endWork: () => Promise.resolve(0),
    },
    state,
    event: (name: string) => void events.push(name),
    reconsider: () => undefined,
    clock,
    log: silentLog,
  } as unknown as ClaudeAgentDeps);
  return { agent, clock, state, tried, events, failure: () => state.current.failure };
}

const sentence = (): string =>
  `${program} cannot be started: there is no such file (ENOENT).\n` +
  'Install Claude Code with `npm install -g @anthropic-ai/claude-code`, or correct the command of its role in swarm.yaml. ' +
  'It goes on by itself then, with `swarm restart worker-1` at once.';

test('an agent whose program is missing has failed at once, and goes on by itself when it is there', async () => {
  const { agent, clock, state, tried, failure } = await openAgent();
  agent.begin();
  agent.nothingToDo();
  await eventually(failure).toBe(sentence());
  await clock.advance(900_000);
  expect(tried).toHaveLength(1);
  expect(state.current).toMatchObject({ restarts: 0, lastExit: null });
  await install();
  await clock.advance(3_000);
  await eventually(() => tried.length).toBe(2);
  expect(failure()).toBeNull();
  await agent.stop(1);
});

test('a restart by a person is tried at once, cured or not', async () => {
  const { agent, tried, failure } = await openAgent();
  agent.begin();
  agent.nothingToDo();
  await eventually(failure).not.toBeNull();
  await agent.restart();
  expect([tried.length, failure()]).toEqual([2, sentence()]);
  await agent.stop(1);
});

test('a restart by a person in the middle of a turn that cannot be started is answered by another try', async () => {
  const gate = Promise.withResolvers<void>();
  const { agent, tried, failure } = await openAgent({ before: () => gate.promise });
  agent.send({ do: 'send', id: 'm1', text: 'hello' });
  await eventually(() => tried.length).toBe(1);
  const restarted = agent.restart();
  gate.resolve();
  await restarted;
  await eventually(() => [tried, failure()]).toEqual([['hello', 'hello'], sentence()]);
  await agent.stop(1);
});

test('a restart by a person after the death by which an agent would be given up is answered by another try', async () => {
  await writeFile(program, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const captured = Promise.withResolvers<void>();
  const capture = vi.fn(() => captured.promise.then(() => ({ n: 1 })));
  const { agent, tried, failure } = await openAgent({ intensity: 0, capture });
  agent.send({ do: 'send', id: 'm1', text: 'hello' });
  await eventually(() => capture.mock.calls.length).toBe(1);
  const restarted = agent.restart();
  captured.resolve();
  await restarted;
  await eventually(() => [tried, failure()]).toEqual([
    ['hello', 'hello'],
    expect.stringContaining('it ended 1 times') as string,
  ]);
  await agent.stop(1);
});

test('a task is given back, and a message waits, until its program is there', async () => {
  const { agent, clock, tried, events, failure } = await openAgent();
  const order = {
    task: 't1',
    attempt: 1,
    slot: 0,
    title: 'x',
    prompt: 'do x',
    resume: null,
    on: null,
    verify: null,
    budgetUsd: null,
  };
  const given = { ...order, dependencies: [], history: [], timeoutMs: null } as unknown as TaskOrder;
  const workspace = { begun: () => Promise.resolve() } as unknown as Workspace;
  const attempt = new Attempt(given, workspace, '');
  expect(await agent.body(attempt).work(NO_PREPARATION)).toEqual({
    kind: 'given-back',
    error: `${program} cannot be started: there is no such file (ENOENT)`,
  });
  expect(attempt.sessionId).toBeNull();
  await agent.ended();

  agent.send({ do: 'send', id: 'm1', text: 'hello' });
  await eventually(() => [tried.at(-1), failure()]).toEqual(['hello', sentence()]);
  await clock.advance(60_000);
  expect(tried).toHaveLength(2);
  await install();
  await clock.advance(3_000);
  await eventually(() => tried.slice(2)).toContain('hello');
  expect(events).not.toContain('message.failed');
  await agent.stop(1);
});
