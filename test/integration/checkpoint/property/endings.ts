import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import assert from 'node:assert/strict';
import { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import { observe } from './observer.ts';
import type { Place } from './operations.ts';
import { same } from './same.ts';

/** Bad input that a worktree does not outlive. */
export const ENDINGS: Record<string, (place: Place, store: CheckpointStore) => Promise<void>> = {
  'a corrupt object': async (place, store) => {
    place.write({ 'unique.txt': `only here ${place.random.next()}\n` });
    const { n, commit } = await store.capture({ reason: 'to be damaged' });
    const oid = place.git('rev-parse', `${commit}:unique.txt`);
    rmSync(path.join(place.worktree, 'unique.txt'));
    const before = observe(place);
    const file = path.join(place.repository.gitCommonDir, 'objects', oid.slice(0, 2), oid.slice(2));
    chmodSync(file, 0o600);
    writeFileSync(file, 'rubbish');
    await assert.rejects(store.rollback(n), /git|cannot be read/);
    await new CheckpointStore(place.store.place).recover();
    same(observe(place), before, 'a rollback to a damaged checkpoint leaves what was there');
  },
  'the worktree deleted by hand': async (place, store) => {
    const { n, commit } = await store.capture({ reason: 'the last one' });
    rmSync(place.worktree, { recursive: true, force: true });
    await assert.rejects(store.capture({ reason: 'gone' }), { code: 'no-worktree' });
    await assert.rejects(store.rollback(n), { code: 'no-worktree' });
    assert.equal((await store.list()).at(-1)?.commit, commit);
    place.repository.git(['fsck', '--connectivity-only', '--no-dangling']);
  },
};
