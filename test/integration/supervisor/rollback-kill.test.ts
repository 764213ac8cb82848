import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { worktreeGitDir } from '../../../src/git/repository/operations.ts';
import { writeBegunTask } from '../../../src/git/worktree/worktree-task.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import type { OperationData } from '../../../src/store/operation-data.ts';
import type { OperationOf } from '../../../src/store/operations.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { gitFacts, walk } from '../checkpoint/walk.ts';
import { openDesk, SESSION, writeTranscript, type Desk } from './rollback-scene.ts';

const CHILD = path.join(import.meta.dirname, 'rollback-child.ts');
/** A rollback that nothing is left to do of. */
const DONE: OperationData<'rollback'> = {
  n: 1,
  step: 'restored',
  filesOnly: false,
  hold: false,
  safety: null,
  changed: [],
  warnings: [],
  from: null,
  to: null,
  cutInto: SESSION,
  task: null,
};
const claim = { agent: 'worker-1', kind: 'claude', capabilities: [], slot: 0 } as const;
const context = {
  leaseMs: 60_000,
  decorate: () => ({ base: { branch: 'main', commit: 'c0ffee' }, verify: null, verifyFollowUps: 0 }),
};

interface Prepared {
  n: number;
  task: string;
  target: unknown;
  before: unknown;
}

const stateOf = (repository: TestRepository, { agent }: Desk): unknown => ({
  files: walk(agent.worktree),
  git: gitFacts(repository, agent.worktree),
});

/** An agent in the middle of a task, with a checkpoint a while ago, and files and messages since. */
async function prepare(repository: TestRepository): Promise<Prepared> {
  const desk = await openDesk(repository.home);
  const { agent, engine, rollbacks, store, transcript } = desk;
  await addWorktree({ root: repository.root, path: agent.worktree, commit: 'main' });
  repository.git(['switch', '-q', '-c', 'swarm/task/t1'], agent.worktree);
  repository.write({ 'good.txt': 'good\n', 'readme.txt': 'begun\n' }, agent.worktree);
  writeTranscript(transcript, 4);
  const [added] = await engine.submit([{ title: 'a task', priority: 'normal', after: [], needs: [], retries: 0 }]);
  await engine.claim({ ...claim, incarnation: 'first' }, context);
  const task = added?.id ?? '';
  await engine.noteSession(task, 1, SESSION);
  // Without its conversation, as a rollback leaves it.
  await writeBegunTask(worktreeGitDir(agent.worktree), { task, attempt: 0, sessionId: null });
  const point = { sessionId: SESSION, transcriptUuid: 'line-4', task, attempt: 1 };
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'by hand', ...point });
  const target = stateOf(repository, desk);
  repository.commit({ 'ruin.txt': 'ruined\n', 'readme.txt': 'ruined\n' }, 'ruin', agent.worktree);
  repository.write({ 'more.txt': 'more\n' }, agent.worktree);
  // As if it had gone over to another task meanwhile.
  await writeBegunTask(worktreeGitDir(agent.worktree), { task: 't9', attempt: 0, sessionId: null });
  writeTranscript(transcript, 8);
  const before = stateOf(repository, desk);
  store.close();
  return { n, task, target, before };
}

async function runKilled(home: string, n: number, point: string, undoes: string[] = []): Promise<void> {
  const child = spawn(process.execPath, [CHILD, home, String(n), point, ...undoes], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  expect(await once(child, 'exit'), point).toEqual([null, 'SIGKILL']);
}

it.each(['after 1', 'before 2'])('killed %s, while nothing was changed: as if it had never begun', async (point) => {
  using repository = makeRepository();
  const { n, task, before } = await prepare(repository);
  await runKilled(repository.home, n, point);
  const desk = await openDesk(repository.home);
  await desk.rollbacks.forgetUnbegun();
  await desk.rollbacks.settle(desk.agent);
  expect(stateOf(repository, desk)).toEqual(before);
  expect([desk.store.operations.open(), desk.store.operations.lastDone('worker-1')]).toEqual([[], undefined]);
  expect([desk.store.agents.get('worker-1')?.sessionId, desk.engine.get(task).state]).toEqual([SESSION, 'leased']);
  desk.store.close();
});

it.each(['after 2', 'in the files', 'before 3', 'after 3', 'before 4', 'after 4'])(
  'killed %s: the next start ends it, files, conversation and task',
  async (point) => {
    using repository = makeRepository();
    const { n, task, target, before } = await prepare(repository);
    await runKilled(repository.home, n, point);

    const desk = await openDesk(repository.home);
    const { agent, engine, rollbacks, store, transcript } = desk;
    await rollbacks.forgetUnbegun();
    await rollbacks.settle(agent);
    expect(stateOf(repository, desk)).toEqual(target);
    expect(store.operations.open()).toEqual([]);

    const session = store.agents.get('worker-1')?.sessionId ?? '';
    expect(session).not.toBe(SESSION);
    const cut = path.join(path.dirname(transcript), `${session}.jsonl`);
    const lines = readFileSync(cut, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject(
      [1, 2, 3, 4].map((at) => ({ uuid: `line-${at}`, sessionId: session })),
    );
    expect(existsSync(transcript)).toBe(true);

    // The task waits for this agent alone, in that conversation.
    const other = await engine.claim({ ...claim, agent: 'worker-2', incarnation: 'other' }, context);
    expect(other).toMatchObject({ got: 'none' });
    const reply = await engine.claim({ ...claim, incarnation: 'second' }, context);
    expect(reply).toMatchObject({ got: 'task', order: { task, attempt: 2, resume: { sessionId: session } } });

    // And it can be undone.
    const { safety } = (store.operations.lastDone('worker-1') as OperationOf<'rollback'>).data;
    await rollbacks.storeOf(agent).rollback(safety ?? 0);
    expect(stateOf(repository, desk)).toEqual(before);
    store.close();
  },
);

it('killed in the files, and the worktree deleted by hand: the next start ends it in a new one', async () => {
  using repository = makeRepository();
  const { n, target } = await prepare(repository);
  await runKilled(repository.home, n, 'in the files');
  const desk = await openDesk(repository.home);
  rmSync(desk.agent.worktree, { recursive: true });
  await desk.rollbacks.settle(desk.agent);
  expect(stateOf(repository, desk)).toEqual(target);
  expect(desk.store.operations.open()).toEqual([]);
  desk.store.close();
});

it('killed while it takes another one back: the next start puts its branch back, and takes it back once', async () => {
  using repository = makeRepository();
  const { n } = await prepare(repository);
  const desk = await openDesk(repository.home);
  const operation = await desk.store.write(() => desk.store.operations.begin('rollback', 'worker-1', DONE, 'done'));
  desk.store.close();
  const commit = repository.git(['rev-parse', 'main']);
  const left = repository.commit({ 'on.txt': 'on\n' });
  repository.git(['branch', 'side', left]);
  const undoes = { operation, branch: { tip: { branch: 'side', commit }, left } };
  await runKilled(repository.home, n, 'after 3', [JSON.stringify(undoes)]);
  expect(repository.git(['rev-parse', 'side'])).toBe(left);

  const { agent, rollbacks, store } = await openDesk(repository.home);
  await rollbacks.settle(agent);
  expect(repository.git(['rev-parse', 'side'])).toBe(commit);
  // Only the undo itself is left to be undone, and nothing before it.
  const last = store.operations.lastDone('worker-1');
  expect(last?.data).toMatchObject({ n, undoes });
  await store.write(() => store.operations.takeBack(last?.id ?? 0));
  expect(store.operations.lastDone('worker-1')).toBeUndefined();
  store.close();
});
