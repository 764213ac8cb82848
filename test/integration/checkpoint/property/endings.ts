import assert from 'node:assert/strict';
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import { observe } from './observer.ts';
import type { Place } from './operations.ts';
import { rolledBack, same } from './same.ts';

/** Bad input that changes a world for good; used one after another. */
export const ENDINGS: Record<string, (place: Place, store: CheckpointStore) => Promise<void>> = {
  'a corrupt object': async (place, store) => {
    const was = observe(place);
    const sound = (await store.capture({ reason: 'sound', force: true })).n;
    place.write({ 'unique/only.txt': `only here ${place.random.next()}\n` });
    const { n, commit } = await store.capture({ reason: 'to be damaged' });
    const names = [commit, `${commit}^2`, `${commit}^2:state.json`, `${commit}:unique`, `${commit}:unique/only.txt`];
    const needed = new Set(
      place.git('rev-list', '--objects', '--no-object-names', checkpointRef(place, sound)).split('\n'),
    );
    const own = names
      .map((name) => place.repository.tryGit(['rev-parse', '-q', '--verify', name], place.worktree))
      .flatMap(({ code, output }) => (code === 0 && !needed.has(output) ? [output] : []));
    const oid = place.random.pick(own);
    rmSync(path.join(place.worktree, 'unique'), { recursive: true });
    place.write({ 'since.txt': `${place.random.next()}\n` });
    const before = observe(place);
    damage(place, oid);
    await assert.rejects(store.rollback(n), /git|cannot be read/);
    await new CheckpointStore(place.store.place).recover();
    same(observe(place), before, 'a rollback to a damaged checkpoint leaves what was there');
    await store.rollback(sound);
    const { found, expected } = rolledBack(observe(place), before, was);
    same(found, expected, 'the checkpoint beside a damaged one');
  },
  'the worktree moved by hand': async (place, store) => {
    const was = observe(place);
    const { n } = await store.capture({ reason: 'before the move' });
    const moved = `${place.worktree}-moved`;
    renameSync(place.worktree, moved);
    await assert.rejects(store.capture({ reason: 'gone' }), { code: 'no-worktree' });
    await assert.rejects(store.rollback(n), { code: 'no-worktree' });
    assert.ok(!existsSync(place.worktree), 'nothing is made where it was');
    renameSync(moved, place.worktree);
    same(observe(place), was, 'what was moved there and back');
    place.write({ 'after the move.txt': 'x\n' });
    const before = observe(place);
    await store.rollback(n);
    const { found, expected } = rolledBack(observe(place), before, was);
    same(found, expected, 'back at its place');
  },
  'the worktree deleted by hand': async (place, store) => {
    const { n, commit } = await store.capture({ reason: 'the last one' });
    rmSync(place.worktree, { recursive: true, force: true });
    await assert.rejects(store.capture({ reason: 'gone' }), { code: 'no-worktree' });
    await assert.rejects(store.rollback(n), { code: 'no-worktree' });
    assert.equal((await store.list()).at(-1)?.commit, commit);
  },
};

const checkpointRef = (place: Place, n: number): string => `refs/swarm/checkpoints/${place.store.place.agent}/${n}`;

function damage(place: Place, oid: string): void {
  const file = path.join(place.repository.gitCommonDir, 'objects', oid.slice(0, 2), oid.slice(2));
  chmodSync(file, 0o600);
  const how = place.random.pick(['missing', 'empty', 'rubbish'] as const);
  if (how === 'missing') rmSync(file);
  else writeFileSync(file, how === 'empty' ? '' : 'rubbish');
}
