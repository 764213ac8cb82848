import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { pruneCheckpoints } from '../../../src/checkpoint/keep/upkeep.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

const DAMAGE: Record<string, (object: string) => void> = {
  missing: (object) => rmSync(object),
  corrupt: (object) => {
    chmodSync(object, 0o644);
    writeFileSync(object, 'no object');
  },
  empty: (object) => {
    chmodSync(object, 0o644);
    writeFileSync(object, '');
  },
};

const objectOf = ({ repository }: World, oid: string): string =>
  path.join(repository.gitCommonDir, 'objects', oid.slice(0, 2), oid.slice(2));

it.each(Object.entries(DAMAGE))('a commit that is %s is named, and the others are listed', async (_, damage) => {
  using world = await makeWorld();
  for (const at of [1, 2, 3]) {
    world.write({ 'a.txt': `${at}\n` });
    await world.store.capture({ reason: `number ${at}` });
  }
  const [, second] = await world.store.list();
  damage(objectOf(world, second?.commit ?? ''));
  const list = await world.store.list();
  expect(list.map(({ n, damaged }) => [n, damaged])).toEqual([
    [1, false],
    [2, true],
    [3, false],
  ]);
  expect(list[0]).toMatchObject({ reason: 'number 1', files: 1 });
  expect(list[1]?.warnings[0]).toContain(second?.commit);
  await expect(world.store.rollback(2)).rejects.toMatchObject({ code: 'damaged-checkpoint' });
  await world.store.rollback(1);
  expect((await world.store.list()).at(-1)?.n).toBe(3);
  const now = Date.now() + 1e12;
  const retention = { allMs: 0, hourlyMs: 0, dailyMs: 0, count: 1 };
  const { removed } = await pruneCheckpoints(world.store.place, retention, { now });
  expect(removed.map(({ n }) => n)).not.toContain(2);
});

it('the newest one being damaged, the next is taken all the same', async () => {
  using world = await makeWorld();
  world.write({ 'a.txt': '1\n' });
  const { commit } = await world.store.capture({ reason: 'soon damaged' });
  rmSync(objectOf(world, commit));
  for (const store of [world.store, new CheckpointStore(world.store.place)]) {
    world.write({ 'a.txt': `${Math.random()}\n` });
    expect((await store.capture({ reason: 'after' })).created).toBe(true);
  }
});

it('the tree of the newest one being damaged, the next is taken all the same', async () => {
  using world = await makeWorld();
  world.write({ 'dir/a.txt': '1\n' });
  const { commit } = await world.store.capture({ reason: 'soon damaged' });
  rmSync(objectOf(world, world.git('rev-parse', `${commit}:dir`)));
  for (const store of [world.store, new CheckpointStore(world.store.place)]) {
    world.write({ 'dir/a.txt': `${Math.random()}\n` });
    expect((await store.capture({ reason: 'after' })).created).toBe(true);
  }
});
