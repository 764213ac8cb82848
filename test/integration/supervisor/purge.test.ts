import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { NO_USAGE } from '../../../src/domain/agent.ts';
import { projectLayout, type ProjectLayout } from '../../../src/domain/layout.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import type { StoredAgent } from '../../../src/store/agents.ts';
import { Store } from '../../../src/store/store.ts';
import { forgetProject, removeWorktrees } from '../../../src/supervisor/history/purge.ts';
import { recallPurged, type RemovedAgent } from '../../../src/supervisor/history/removed-agent.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { silentLog } from '../../unit/supervisor/kit.ts';

const open = (layout: ProjectLayout): Store => Store.open({ path: layout.db, lockPath: layout.lockDb });

const row = (id: string): StoredAgent => ({
  id,
  role: 'worker',
  kind: 'claude',
  desired: 'up',
  spec: null,
  sessionId: null,
  restarts: 0,
  checkpoint: null,
  usage: { ...NO_USAGE },
  createdAt: 0,
});

const purge = (layout: ProjectLayout, store: Store): Promise<void> =>
  removeWorktrees(
    layout,
    store,
    { force: false, limits: { maxFileBytes: 1_000_000 }, teardown: () => Promise.resolve() },
    silentLog,
  );

/** Agents that can be restored after a purge, with the names of their worktrees. */
const remembered = ({ purgedFile }: ProjectLayout): Record<string, string[]> =>
  Object.fromEntries(
    (JSON.parse(readFileSync(purgedFile, 'utf8')) as RemovedAgent[]).map(({ row, worktrees }) => [
      row.id,
      worktrees.map((worktree) => path.basename(worktree.path)),
    ]),
  );

it('a purge remembers what earlier ones and an rm removed, until it is brought back', async () => {
  using repository = makeRepository();
  const { root, home, gitCommonDir } = repository;
  const layout = projectLayout({ gitCommonDir, root, env: { HOME: home }, uid: 0, tmpdir: home });
  const place = (name: string): string => path.join(layout.worktreesDir, name);
  const first = open(layout);
  for (const name of ['w1', 'w1.2', 'w1.3']) await addWorktree({ root, path: place(name), commit: 'main' });
  await first.agents.put(row('w1'));
  await first.agents.put(row('w2'));
  const gone: RemovedAgent = {
    row: row('w3'),
    worktrees: [{ path: place('w3'), checkpoint: 4 }],
  };
  await first.write(() => first.operations.begin('rm', 'w3', gone, 'done'));

  // Twice a file keeps a worktree of w1.
  for (const name of ['w1.2', 'w1.3']) repository.write({ 'mine.txt': 'm\n' }, place(name));
  await expect(purge(layout, first)).rejects.toThrow('w1.2');
  rmSync(path.join(place('w1.2'), 'mine.txt'));
  await expect(purge(layout, first)).rejects.toThrow('w1.3');
  rmSync(path.join(place('w1.3'), 'mine.txt'));
  await purge(layout, first);
  expect(remembered(layout)).toEqual({ w1: ['w1.2', 'w1.3', 'w1'], w2: [], w3: ['w3'] });
  first.close();
  await forgetProject(layout);

  // One of them is restored, and purged again.
  const second = open(layout);
  await recallPurged(layout, second);
  await second.agents.put(row('w2'));
  const last = second.operations.lastDone('w2');
  expect(last?.kind).toBe('purge');
  await second.write(() => second.operations.takeBack(last?.id ?? 0));
  await purge(layout, second);
  second.close();
  expect(remembered(layout)).toEqual({ w1: ['w1.2', 'w1.3', 'w1'], w2: [], w3: ['w3'] });
});
