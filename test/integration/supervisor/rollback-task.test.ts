import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openWorkspace } from '../../../src/wrapper/task/workspace.ts';
import { goesOnWith } from '../../../src/wrapper/task/run-attempt.ts';
import type { Workspace } from '../../../src/wrapper/contract/effects.ts';
import type { AgentSpec } from '../../../src/coordination/link.ts';
import type { TaskOrder, TaskResult } from '../../../src/coordination/messages.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { takeRung, type LadderSteps } from '../../../src/supervisor/ladder/steps.ts';
import { Undo, type UndoDeps } from '../../../src/supervisor/history/undo.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { events, roster, snapshot } from '../../unit/supervisor/kit.ts';
import { openDesk, SESSION, writeTranscript, type Desk } from './rollback-scene.ts';

const PERSON = { filesOnly: false, hold: false, to: null };

interface Scene extends Desk {
  workspace: Workspace;
  claim(): Promise<TaskOrder>;
  /** Does what its wrapper does with an order up to the first prompt of the task, and sends that. */
  begin(order: TaskOrder, sessionId: string): Promise<void>;
}

/** An agent, its own worktree and conversation, and so many tasks. */
async function openScene(
  repository: TestRepository,
  tasks: number,
  wrap?: Parameters<typeof openDesk>[1],
): Promise<Scene> {
  const desk = await openDesk(repository.home, wrap);
  const { agent, engine, rollbacks, layout, transcript } = desk;
  await addWorktree({ root: repository.root, path: agent.worktree, commit: 'main' });
  writeTranscript(transcript, 8);
  const spec = { agent: agent.id, root: layout.root, gitCommonDir: layout.gitCommonDir, worktree: agent.worktree };
  const workspace = openWorkspace(spec as AgentSpec, 0, {
    capture: (request) => rollbacks.storeOf(agent).capture(request),
    captureIfStirred: () => Promise.resolve(null),
    close: () => undefined,
  });
  const commit = repository.git(['rev-parse', 'main']);
  const decorate = () => ({ base: { branch: 'main', commit }, verify: null, verifyFollowUps: 0 });
  const task = { title: 'a task', priority: 'normal', after: [], needs: [], retries: 2 } as const;
  await engine.submit(Array.from({ length: tasks }, () => ({ ...task, after: [], needs: [] })));
  let incarnations = 0;
  const claim = async (): Promise<TaskOrder> => {
    incarnations += 1;
    const claimed = { agent: agent.id, kind: 'claude', capabilities: [], slot: 0 } as const;
    const reply = await engine.claim({ ...claimed, incarnation: `${incarnations}` }, { leaseMs: 60_000, decorate });
    if (reply.got === 'none') throw new Error(reply.reason);
    return reply.order;
  };
  const begin = async (order: TaskOrder, sessionId: string): Promise<void> => {
    const { commit: captured } = await workspace.capture({ ...order, reason: 'task-start', sessionId: SESSION });
    await workspace.prepare(order, captured);
    await workspace.begun(order, sessionId);
    await engine.noteSession(order.task, order.attempt, sessionId);
  };
  return { ...desk, workspace, claim, begin };
}

/** An agent that had begun a task, rolled back to before that. */
async function backToBefore(repository: TestRepository, how: typeof PERSON): Promise<Scene> {
  const scene = await openScene(repository, 1);
  const { agent, rollbacks, claim, begin } = scene;
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'by hand', force: true });
  await begin(await claim(), SESSION);
  repository.write({ 'work.txt': 'of the task\n' }, agent.worktree);
  await rollbacks.run(agent, n, how);
  return scene;
}

/** `swarm undo` */
async function undo({ rollbacks, agent, store, layout }: Scene): Promise<void> {
  const parts = { layout, store, events: events().log, limits: { maxFileBytes: 1_000_000 }, rollbacks };
  const fleet = { get: () => agent };
  await new Undo({ ...parts, fleet, roster: {} } as unknown as UndoDeps).undo(agent.id);
}

/** The result of a wrapper that is stopped. */
function released({ task, attempt }: TaskOrder): TaskResult {
  const usage = { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
  const none = {
    errorClass: null,
    error: null,
    summary: '',
    commit: null,
    branch: null,
    notes: [],
    sessionId: null,
    usage,
  };
  const at = new Date(0).toISOString();
  return { task, attempt, agent: 'worker-1', outcome: 'released', ...none, startedAt: at, endedAt: at };
}

it('what was captured before the first word of a task is not gone on from in the conversation of the one before', async () => {
  using repository = makeRepository();
  const { agent, rollbacks, workspace, claim, engine, store } = await openScene(repository, 1);
  const order = await claim();
  const before = await workspace.capture({ ...order, reason: 'task-start', sessionId: SESSION });
  await workspace.prepare(order, before.commit);
  expect(await workspace.begunTask(), 'the next attempt prepares it again').toBeNull();
  // The account is held by its limit for an hour: the agent is still in the conversation before.
  repository.write({ 'note.txt': 'of a person\n' }, agent.worktree);
  const point = { sessionId: SESSION, transcriptUuid: 'line-8', task: order.task, attempt: 1 };
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'regular', ...point });
  await workspace.begun(order, 'its-own');
  await engine.noteSession(order.task, 1, 'its-own');
  expect((await rollbacks.run(agent, n, PERSON)).conversation).toMatchObject({ how: 'fresh' });
  const next = await claim();
  expect([next.attempt, goesOnWith(next, await workspace.begunTask())]).toEqual([2, null]);
  store.close();
});

it('the taking back of a rollback to before a task is not lost where the next attempt has not begun', async () => {
  using repository = makeRepository();
  const scene = await backToBefore(repository, PERSON);
  const { agent, claim, store, workspace } = scene;
  const next = await claim();
  expect([next.attempt, goesOnWith(next, await workspace.begunTask())]).toEqual([2, null]);
  await undo(scene);
  expect(await claim()).toMatchObject({ attempt: 3, resume: { sessionId: agent.row.sessionId } });
  store.close();
});

it('a task that its stopped agent will go on with goes on in the conversation of the checkpoint, and after undo in the earlier one', async () => {
  using repository = makeRepository();
  const scene = await openScene(repository, 1);
  const { agent, rollbacks, claim, begin, engine, store } = scene;
  const order = await claim();
  await begin(order, SESSION);
  const point = { sessionId: SESSION, transcriptUuid: 'line-4', task: order.task, attempt: 1 };
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'turn-end', ...point, force: true });
  repository.write({ 'later.txt': 'later\n' }, agent.worktree);
  await engine.result(released(order));
  const { conversation } = await rollbacks.run(agent, n, PERSON);
  expect(conversation).toMatchObject({ how: 'cut', session: agent.row.sessionId });
  const cut = await claim();
  expect(cut).toMatchObject({ attempt: 2, resume: { sessionId: agent.row.sessionId } });
  await engine.result(released(cut));
  await undo(scene);
  const again = await claim();
  expect(again).toMatchObject({ attempt: 3, resume: { sessionId: agent.row.sessionId } });
  expect(again.resume?.sessionId).not.toBe(cut.resume?.sessionId);
  store.close();
});

it('what was said between two attempts is not the conversation that the task goes on in', async () => {
  using repository = makeRepository();
  const { agent, rollbacks, claim, begin, engine, store } = await openScene(repository, 1);
  const order = await claim();
  await begin(order, 'its-own');
  await engine.result(released(order));
  // A person cleared the idle agent's conversation and asked it something.
  repository.write({ 'asked.txt': 'asked\n' }, agent.worktree);
  const point = { sessionId: SESSION, transcriptUuid: 'line-4' };
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'turn-end', ...point, force: true });
  expect((await rollbacks.run(agent, n, PERSON)).conversation).toMatchObject({ how: 'cut' });
  const second = await claim();
  expect(second).toMatchObject({ attempt: 2, resume: { sessionId: null } });
  await engine.noteSession(order.task, 2, 'its-own-again');
  expect((await rollbacks.run(agent, n, PERSON)).conversation).toMatchObject({ how: 'fresh' });
  expect(await claim()).toMatchObject({ attempt: 3, resume: { sessionId: null } });
  store.close();
});

it('a conversation that was stuck, from before which there is no checkpoint, is not gone on with', async () => {
  using repository = makeRepository();
  const { agent, workspace, claim, begin, engine, store } = await openScene(repository, 1);
  const order = await claim();
  await begin(order, 'stuck');
  const steps = {
    fleet: { whileStopped: (_agent: unknown, _leases: unknown, work: () => Promise<void>) => work() },
    engine,
    works: { rollbacks: { storeOf: () => ({ list: async () => [] }) }, keep: async () => undefined },
    roster: roster(store),
  } as unknown as LadderSteps;
  await takeRung(steps, 'rollback', agent, { cause: 'no-progress', text: 'no answer', since: 0 });
  expect(await claim()).toMatchObject({ attempt: 2, resume: { sessionId: null } });
  expect(await workspace.begunTask()).toEqual({ task: order.task, attempt: 1, sessionId: null });
  store.close();
});

it('a rollback of one task is not taken back in the middle of another', async () => {
  using repository = makeRepository();
  const scene = await openScene(repository, 2);
  const { agent, rollbacks, claim, begin, engine, store } = scene;
  const order = await claim();
  await begin(order, SESSION);
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'by hand', task: order.task, force: true });
  repository.write({ 'later.txt': 'later\n' }, agent.worktree);
  await rollbacks.run(agent, n, PERSON);
  await engine.cancel(order.task);
  const other = await claim();
  await begin(other, 'of-the-other');
  repository.write({ 'other.txt': 'other\n' }, agent.worktree);
  agent.observed.linked = true;
  agent.observed.snapshot = snapshot(agent.id, {
    tasks: [{ task: other.task, attempt: 1, slot: 0, phase: 'running', since: '' }],
  });
  await expect(undo(scene)).rejects.toMatchObject({ code: 'other-task' });
  expect(engine.leases(agent.id)).toMatchObject([{ task: other.task, attempt: 1 }]);
  expect(existsSync(path.join(agent.worktree, 'other.txt'))).toBe(true);
  store.close();
});

it('a rollback of only the files that had the task begin anew is taken back with its conversation', async () => {
  using repository = makeRepository();
  const scene = await backToBefore(repository, { ...PERSON, filesOnly: true });
  const { agent, claim, begin, store } = scene;
  await begin(await claim(), 'of-the-second-attempt');
  agent.row = { ...agent.row, sessionId: 'of-the-second-attempt' };
  await undo(scene);
  expect(existsSync(path.join(agent.worktree, 'work.txt'))).toBe(true);
  const { sessionId } = agent.row;
  expect(sessionId, 'a copy of the conversation that made those files').not.toBe('of-the-second-attempt');
  expect(await claim()).toMatchObject({ attempt: 3, resume: { sessionId } });
  store.close();
});

it('no other agent gets the task of one that could not be stopped for a rollback while a process of it lives', async () => {
  using repository = makeRepository();
  const whileStopped = () => Promise.reject(new Error('processes 7 of worker-1 cannot be ended'));
  const { agent, rollbacks, claim, begin, engine, store } = await openScene(repository, 1, (deps) => ({
    ...deps,
    fleet: { whileStopped } as unknown as typeof deps.fleet,
  }));
  const order = await claim();
  await begin(order, SESSION);
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'by hand', task: order.task, force: true });
  // Its wrapper has followed the order to stop, but a process of the attempt hangs in the kernel.
  agent.observed.linked = false;
  await expect(rollbacks.run(agent, n, PERSON)).rejects.toThrow('cannot be ended');
  expect(store.operations.open()).toEqual([]);
  expect(engine.leases(agent.id)).toMatchObject([{ task: order.task, attempt: 1 }]);
  store.close();
});
