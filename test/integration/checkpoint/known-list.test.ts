import { expect, it } from 'vitest';
import { KnownCheckpoints } from '../../../src/checkpoint/known-list.ts';
import { listAllCheckpoints, listCheckpoints } from '../../../src/checkpoint/refs.ts';
import { dropCheckpoints, pinCheckpoint } from '../../../src/checkpoint/upkeep.ts';
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
  // Whatever number it gets.
  await take('4');
  world.git('pack-refs', '--all');
  await same();
  const before = gitSpawnCount();
  await known.list('worker-1');
  expect(gitSpawnCount() - before).toBe(1);
});
