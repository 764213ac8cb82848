import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { AgentNames } from '../../../src/supervisor/fleet/agent-names.ts';
import { CheckpointDesk, type CheckpointDeskDeps } from '../../../src/supervisor/history/checkpoint-desk.ts';
import { ReversibleWork, type ReversibleWorkDeps } from '../../../src/supervisor/history/reversible-work.ts';
import { OngoingWork } from '../../../src/supervisor/project/ongoing-work.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { config, events, silentLog, snapshot } from '../../unit/supervisor/kit.ts';
import { openDesk } from './rollback-scene.ts';

const id = 'worker-1';
const to = (n: number) => ({ id, n, filesOnly: false, hold: false });

/** worker-1 with a worktree and its two rooms; `linked`: its wrapper takes its checkpoints. */
async function scene(repository: TestRepository, linked: boolean) {
  const { agent, layout, store, engine } = await openDesk(repository.home);
  await addWorktree({ root: repository.root, path: agent.worktree, commit: 'main' });
  const orders: string[] = [];
  const records = [agent];
  const fleet = {
    records,
    get: (name: string) => records.find((one) => one.id === name),
    alone: (_agent: unknown, work: () => Promise<unknown>) => work(),
  };
  const names = new AgentNames({ fleet, store });
  const deps = { log: silentLog, layout, store, engine, names, fleet, config: config(), ongoing: new OngoingWork() };
  const works = new ReversibleWork({
    ...deps,
    env: { HOME: repository.home },
    events: events().log,
    roster: {},
    project: { config: config() },
  } as unknown as ReversibleWorkDeps);
  const links = {
    order: async (_agent: string, order: { do: string; reason?: string }) => {
      orders.push(order.do);
      return await works.rollbacks.storeOf(agent).capture({ reason: order.reason ?? '', force: true });
    },
  };
  const desk = new CheckpointDesk({ ...deps, works, links } as unknown as CheckpointDeskDeps);
  agent.observed.linked = linked;
  return { agent, records, works, desk, orders, store };
}

test('a linked agent takes its checkpoints itself, for one that is stopped the supervisor does', async () => {
  using repository = makeRepository();
  const { agent, desk, orders, store } = await scene(repository, true);
  await expect(desk.take({ id, reason: 'by hand' })).resolves.toMatchObject({ n: 1, reason: 'by hand' });
  expect(orders).toEqual(['checkpoint']);
  agent.observed.linked = false;
  await expect(desk.take({ id, reason: 'again' })).resolves.toMatchObject({ n: 2, reason: 'again' });
  expect(orders).toEqual(['checkpoint']);
  store.close();
});

test('checkpoints of an agent that is gone can still be listed, shown and made a branch', async () => {
  using repository = makeRepository();
  const { desk, records, store } = await scene(repository, false);
  await desk.take({ id, reason: 'by hand' });
  records.pop();
  await expect(desk.list({ id })).resolves.toHaveLength(1);
  await expect(desk.show({ id, n: 1 })).resolves.toMatchObject({ n: 1 });
  await expect(desk.branch({ id, n: 1, name: 'kept' })).resolves.toMatchObject({ branch: 'kept' });
  await expect(desk.diff({ id, n: 1 })).rejects.toMatchObject({ code: 'no-worktree' });
  await expect(desk.list({ id: 'worker-8' })).rejects.toMatchObject({
    code: 'unknown-agent',
    hint: 'Did you mean worker-1?',
  });
  store.close();
});

test('a rollback to a checkpoint that does not exist is met with the nearest', async () => {
  using repository = makeRepository();
  const { desk, works, store } = await scene(repository, false);
  await expect(works.rollback(to(9))).rejects.toMatchObject({
    hint: 'It has none yet: `swarm checkpoint worker-1` takes one.',
  });
  await desk.take({ id, reason: 'one' });
  await desk.take({ id, reason: 'two' });
  await expect(works.rollback(to(9))).rejects.toMatchObject({
    code: 'unknown-checkpoint',
    exitCode: 2,
    hint: 'Did you mean 2? `swarm checkpoint ls worker-1` shows all.',
  });
  store.close();
});

test('a rollback in the middle of one task does not bring in another, nor while a result leaves or a command runs', async () => {
  using repository = makeRepository();
  const { agent, desk, works, store } = await scene(repository, false);
  await desk.take({ id, reason: 'of no task' });
  agent.observed.linked = true;
  const held = { task: 't4', attempt: 1, slot: 0, since: '' };
  agent.observed.snapshot = snapshot(id, { tasks: [{ ...held, phase: 'running' }] });
  await expect(works.rollback(to(1))).rejects.toMatchObject({ code: 'other-task' });
  await expect(works.plan(to(1))).rejects.toMatchObject({ code: 'other-task' });
  agent.observed.snapshot = snapshot(id, { tasks: [{ ...held, phase: 'reporting' }] });
  await expect(works.rollback(to(1))).rejects.toMatchObject({ code: 'busy' });
  agent.observed.snapshot = snapshot(id, { tasks: [{ ...held, phase: 'running' }] });
  agent.row = { ...agent.row, kind: 'shell' };
  await expect(works.rollback(to(1))).rejects.toMatchObject({ code: 'busy' });
  store.close();
});

test('an undo of an agent that never was is refused as such', async () => {
  using repository = makeRepository();
  const { works, store } = await scene(repository, false);
  await expect(works.undo({ id: 'worker-2' })).rejects.toMatchObject({ code: 'unknown-agent' });
  await expect(works.undo({ id })).rejects.toMatchObject({ code: 'nothing-to-undo' });
  store.close();
});

test('single files come back', async () => {
  using repository = makeRepository();
  const { agent, desk, store } = await scene(repository, false);
  const file = path.join(agent.worktree, 'notes/a.txt');
  mkdirSync(path.dirname(file));
  writeFileSync(file, 'before');
  await desk.take({ id, reason: 'by hand' });
  writeFileSync(file, 'after');
  await expect(desk.restore({ id, n: 1, paths: ['notes/a.txt'] })).resolves.toMatchObject({
    agent: id,
    n: 1,
    changed: ['notes/a.txt'],
  });
  store.close();
});
