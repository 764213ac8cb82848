import { expect, it } from 'vitest';
import { KnownCheckpoints } from '../../../src/checkpoint/refs/checkpoint-cache.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { listAllCheckpoints, listCheckpoints } from '../../../src/checkpoint/refs/refs.ts';
import { dropCheckpoints, pinCheckpoint } from '../../../src/checkpoint/keep/upkeep.ts';
import { gitSpawnCount } from '../../../src/git/git.ts';
import { addAgent, makeWorld } from './world.ts';

it('a list that is kept is the one that git gives, whatever happened since, and reads no commit twice', async () => {
  using world = await makeWorld();
  const { place } = world.store;
  const other = await addAgent(world.repository, 'worker-2');
  const known = new KnownCheckpoints(place.gitCommonDir);
  const same = async (): Promise<void> => {
    expect(await known.list('worker-1')).toEqual(await listCheckpoints(place));
    expect(await known.list(null)).toEqual(await listAllCheckpoints(place.gitCommonDir));
  };
  const take = async (text: string): Promise<number> => {
    world.write({ 'a.txt': text });
    return (await world.store.capture({ reason: `wrote ${text}`, task: 't1' })).n;
  };
  await same();
  await take('1');
  await take('2');
  await other.store.capture({ reason: 'of another' });
  await same();
  await pinCheckpoint(place, 1, true);
  await same();
  await pinCheckpoint(place, 1, false);
  await take('3');
  await same();
  await dropCheckpoints(place, [3], false);
  await same();
  await take('4');
  world.git('pack-refs', '--all');
  await same();
  const before = gitSpawnCount();
  await known.list('worker-1');
  expect(gitSpawnCount() - before).toBe(1);
});

it('a number is never given twice, also when the newest was dropped, in any process, packed or not', async () => {
  using world = await makeWorld();
  const { place } = world.store;
  const take = async (store: CheckpointStore): Promise<number> => {
    world.write({ 'a.txt': `${Math.random()}\n` });
    return (await store.capture({ reason: 'one more' })).n;
  };
  expect([await take(world.store), await take(world.store), await take(world.store)]).toEqual([1, 2, 3]);
  await dropCheckpoints(place, [3], false);
  // A dropped checkpoint is none any more, also for the process that took it and finds nothing changed.
  expect((await world.store.capture({ reason: 'the same' })).n).toBe(4);
  await dropCheckpoints(place, [2, 4], false);
  world.git('pack-refs', '--all');
  expect(await take(new CheckpointStore(place))).toBe(5);
  await dropCheckpoints(place, [1], false);
  await dropCheckpoints(place, [5], true);
  expect(await take(world.store)).toBe(6);
  expect((await world.store.list()).map(({ n }) => n)).toEqual([6]);
  expect(world.git('for-each-ref', '--format=%(refname)', 'refs/swarm/dropped/')).toBe('refs/swarm/dropped/worker-1/5');
});
