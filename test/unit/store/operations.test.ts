import { describe, expect, it } from 'vitest';
import type { OperationData, OperationKind } from '../../../src/store/operation-data.ts';
import { Store } from '../../../src/store/store.ts';

const removed: OperationData<'rm'> = {
  row: {
    id: 'worker-1',
    role: 'worker',
    kind: 'claude',
    desired: 'paused',
    spec: null,
    sessionId: 's1',
    restarts: 2,
    checkpoint: 7,
    usage: { costUsd: 1.5, inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheCreationTokens: 4 },
    createdAt: 1,
  },
  worktrees: [{ path: '/repo.swarm/worker-1', checkpoint: null }],
};

/** Of each kind, everything that version 0.1.0 may have written. */
const WRITTEN: { [Kind in OperationKind]: OperationData<Kind> } = {
  rollback: {
    n: 3,
    step: 'restored',
    filesOnly: false,
    hold: true,
    safety: 4,
    changed: ['a.txt'],
    warnings: ['b.bin is too large'],
    from: { sessionId: 's1', uuid: 'line-1' },
    to: { sessionId: 's2', uuid: null },
    cutInto: 's3',
    beside: { branch: 'side', commit: 'c0ffee' },
    undoes: {
      operation: 1,
      branch: { tip: { branch: 'main', commit: 'c0ffee' }, left: 'decade' },
      rests: { task: 't1', sessionId: null },
    },
    task: 't2',
    rests: { task: 't2', sessionId: 's1' },
    why: 'it was stuck',
    how: 'cut',
  },
  merge: { task: 't1', into: 'main', before: 'c0ffee', after: 'decade' },
  rm: removed,
  purge: removed,
};
const KINDS = Object.keys(WRITTEN) as OperationKind[];

function open() {
  const broken: string[] = [];
  const store = Store.memory({ onBroken: (what) => broken.push(what) });
  const write = (kind: OperationKind, data: string, state = 'done') =>
    store.write((db) =>
      db.run(
        `INSERT INTO operations (kind, agent, state, data, at) VALUES (?, 'worker-1', ?, ?, 0)`,
        kind,
        state,
        data,
      ),
    );
  return { store, broken, write };
}

describe('an operation that was kept', () => {
  it.each(KINDS)('of kind %s, as version 0.1.0 wrote it, is read unchanged', async (kind) => {
    const { store, broken, write } = open();
    await write(kind, JSON.stringify(WRITTEN[kind]));
    expect(store.operations.lastDone('worker-1')).toMatchObject({ kind, data: WRITTEN[kind] });
    expect(store.operations.lastDoneOfEach().map(({ data }) => data)).toEqual([WRITTEN[kind]]);
    expect(broken).toEqual([]);
  });

  it.each(KINDS)('of kind %s counts as absent where it cannot be read, and that is told once', async (kind) => {
    for (const data of ['{"half', '[]', '{}']) {
      const { store, broken, write } = open();
      await write(kind, data, 'open');
      expect([store.operations.open(), store.operations.open('worker-1')]).toEqual([[], []]);
      expect(broken).toEqual([`${kind} 1 of worker-1`]);
    }
  });

  it('is not taken for an earlier one where it cannot be read', async () => {
    const { store, write } = open();
    await write('merge', JSON.stringify(WRITTEN.merge));
    await write('rm', '{}');
    expect(store.operations.lastDone('worker-1')).toBeUndefined();
  });
});
