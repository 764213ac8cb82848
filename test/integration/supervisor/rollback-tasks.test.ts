import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { worktreeGitDir } from '../../../src/git/operations.ts';
import { addWorktree } from '../../../src/git/worktrees.ts';
import { readWorktreeTask, writeWorktreeTask } from '../../../src/git/worktree-task.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { openDesk, SESSION, writeTranscript } from './rollback-scene.ts';

const claim = { agent: 'worker-1', kind: 'claude', capabilities: [], slot: 0 } as const;
const context = {
  leaseMs: 60_000,
  decorate: () => ({ base: { branch: 'main', commit: 'c0ffee' }, verify: null, verifyFollowUps: 0 }),
};

it.each([
  ['files and conversation', { filesOnly: false }],
  ['only files', { filesOnly: true }],
])('%s go back to before the task in hand: it begins anew, and undo goes on with it', async (_what, { filesOnly }) => {
  using repository = makeRepository();
  const { agent, engine, rollbacks, store, transcript } = await openDesk(repository.home);
  const { worktree } = agent;
  await addWorktree({ root: repository.root, path: worktree, commit: 'main' });
  const gitDir = worktreeGitDir(worktree);
  const checkpoints = rollbacks.storeOf(agent);
  repository.git(['switch', '-q', '-c', 'swarm/task/t1'], worktree);
  await writeWorktreeTask(gitDir, 't1');
  repository.write({ 'file.txt': 'of the first task\n' }, worktree);
  writeTranscript(transcript, 4);
  const ofFirst = await checkpoints.capture({
    reason: 'turn-end',
    task: 't1',
    sessionId: SESSION,
    transcriptUuid: 'line-4',
  });

  const [first, second] = await engine.submit(
    ['first', 'second'].map((title) => ({ title, priority: 'normal', after: [], needs: [], retries: 0 }) as const),
  );
  await engine.cancel(first?.id ?? '');
  await engine.claim({ ...claim, incarnation: 'one' }, context);
  const task = second?.id ?? '';
  expect(task).toBe('t2');
  repository.git(['checkout', '-qfB', 'swarm/task/t2', 'main'], worktree);
  await writeWorktreeTask(gitDir, task);
  await engine.noteSession(task, 1, SESSION);
  repository.write({ 'file.txt': 'of the second task\n' }, worktree);
  writeTranscript(transcript, 8);

  const options = { filesOnly, hold: false, to: null };
  const back = await rollbacks.run(agent, ofFirst.n, options);
  expect(back).toMatchObject({ task, conversation: { how: 'fresh' } });
  expect(readFileSync(path.join(worktree, 'file.txt'), 'utf8')).toBe('of the first task\n');
  expect(repository.git(['symbolic-ref', 'HEAD'], worktree)).toBe('refs/heads/swarm/task/t1');
  expect(await readWorktreeTask(gitDir)).toBe('t1');
  const anew = await engine.claim({ ...claim, incarnation: 'two' }, context);
  expect(anew, 'in the files of another task nobody goes on').toMatchObject({
    got: 'task',
    order: { task, attempt: 2, resume: null },
  });

  // Before it has come to anything the person takes that back.
  await engine.noteSession(task, 2, SESSION);
  await rollbacks.run(agent, back.safety, { ...options, filesOnly: false, to: { sessionId: SESSION, uuid: 'line-8' } });
  expect(readFileSync(path.join(worktree, 'file.txt'), 'utf8')).toBe('of the second task\n');
  const again = await engine.claim({ ...claim, incarnation: 'three' }, context);
  expect(again).toMatchObject({ order: { task, resume: { sessionId: agent.row.sessionId } } });
  expect(agent.row.sessionId, 'cut at the last word').not.toBe(SESSION);
  store.close();
});
