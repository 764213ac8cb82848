import { CheckpointStore } from '../checkpoint/store.ts';
import type { Checkpoint } from '../checkpoint/types.ts';
import type { CheckpointDocument } from '../api/documents.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { SwarmError } from '../domain/errors.ts';
import { gitText } from '../git/git.ts';
import type { ServiceDependencies } from './service.ts';

const REFS = 'refs/swarm/checkpoints/';

/** Reading the checkpoints of all agents, and making them for those whose wrapper does not live. */
export function checkpointDesk(layout: ProjectLayout): ServiceDependencies['checkpoints'] {
  const stores = new Map<string, CheckpointStore>();
  const storeOf = (agent: string, worktree: string): CheckpointStore => {
    const key = `${agent} ${worktree}`;
    const known = stores.get(key);
    if (known !== undefined) return known;
    const { gitCommonDir, shadowGit } = layout;
    const store = new CheckpointStore({
      gitCommonDir,
      shadowGit,
      worktree: worktree === '' ? layout.root : worktree,
      agent,
    });
    stores.set(key, store);
    return store;
  };
  return {
    list: async (agent, worktree) => (await storeOf(agent, worktree).list()).map(checkpointDocument),
    capture: async (agent, worktree, reason) => {
      const store = storeOf(agent, worktree);
      const { n } = await store.capture({ reason, force: true });
      const found = (await store.list()).find((checkpoint) => checkpoint.n === n);
      if (found === undefined) throw new SwarmError('checkpoint-missing', `checkpoint ${n} of ${agent} cannot be read`);
      return checkpointDocument(found);
    },
    rollback: async (agent, worktree, n) => {
      const done = await storeOf(agent, worktree).rollback(n);
      return { n: done.n, safety: done.safety, changed: done.changed };
    },
    owners: async () => {
      const refs = await gitText(['for-each-ref', '--format=%(refname)', REFS], { cwd: layout.root });
      const names = refs
        .split('\n')
        .filter((line) => line !== '')
        .map((ref) => ref.slice(REFS.length).split('/')[0] ?? '');
      return [...new Set(names)];
    },
  };
}

function checkpointDocument(checkpoint: Checkpoint): CheckpointDocument {
  const { n, ref, commit, tree, at, reason, task, sessionId, files } = checkpoint;
  return { n, ref, commit, tree, at, reason, task, sessionId, files };
}
