import { OngoingWork } from '../../../src/supervisor/project/ongoing-work.ts';
import { expect, it } from 'vitest';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { ReversibleWork, type ReversibleWorkDeps } from '../../../src/supervisor/history/reversible-work.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { config, events, silentLog } from '../../unit/supervisor/kit.ts';
import { openDesk, SESSION, writeTranscript } from './rollback-scene.ts';

const task = { title: 'a task', priority: 'normal', after: [], needs: [], retries: 0 } as const;
const claim = { agent: 'worker-1', kind: 'claude', capabilities: [], slot: 0, incarnation: 'one' } as const;
const decorate = () => ({ base: { branch: 'main', commit: 'c0ffee' }, verify: null, verifyFollowUps: 0 });

/** An agent with a task in hand and four lines of conversation. */
async function atWork(repository: TestRepository) {
  const desk = await openDesk(repository.home);
  const { agent, engine, layout, store, transcript } = desk;
  await addWorktree({ root: repository.root, path: agent.worktree, commit: 'main' });
  writeTranscript(transcript, 4);
  await engine.submit([{ ...task, after: [], needs: [] }]);
  await engine.claim(claim, { leaseMs: 60_000, decorate });
  const works = new ReversibleWork({
    log: silentLog,
    layout,
    store,
    engine,
    env: { HOME: repository.home },
    fleet: { records: [agent] },
    names: { agent: () => agent },
    events: events().log,
    roster: {},
    project: { config: config() },
    ongoing: new OngoingWork(),
  } as unknown as ReversibleWorkDeps);
  return { ...desk, works };
}

const here = { task: 't1', sessionId: SESSION, transcriptUuid: 'line-4' };

it('what the supervisor captures says in which task and where in the conversation it was', async () => {
  using repository = makeRepository();
  const { agent, engine, rollbacks, store, works } = await atWork(repository);
  const { n } = await rollbacks.storeOf(agent).capture({ reason: 'then' });
  repository.write({ 'a.txt': 'before a look\n' }, agent.worktree);
  await works.plan({ id: agent.id, n, filesOnly: false, hold: false });
  repository.write({ 'a.txt': 'before a merge\n' }, agent.worktree);
  await works.merging(engine.get('t1'), 'main');
  const all = await rollbacks.storeOf(agent).list();
  expect(all.slice(1)).toMatchObject([
    { reason: `to compare with ${n}`, ...here },
    { reason: 'before-merge', ...here },
  ]);
  store.close();
});

it('a task that runs in a worktree of its own is not the one of the agent’s', async () => {
  using repository = makeRepository();
  const { agent, engine, rollbacks, store } = await openDesk(repository.home);
  await engine.submit([{ ...task, command: ['true'], after: [], needs: [] }]);
  await engine.claim({ ...claim, kind: 'shell', slot: 1 }, { leaseMs: 60_000, decorate });
  expect(engine.leases('worker-1')).toMatchObject([{ task: 't1', slot: 1 }]);
  expect(rollbacks.heldTask(agent)).toBeNull();
  store.close();
});
