import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { announced } from '../../../src/checkpoint/capture/git-gc-guard.ts';
import { planPurge, purgeObjects } from '../../../src/checkpoint/keep/purge.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { dropCheckpoints } from '../../../src/checkpoint/keep/upkeep.ts';
import { makeWorld } from './world.ts';

it('what is captured while a purge is about to remove the same contents is stored again', async () => {
  using world = await makeWorld();
  const { place } = world.store;
  const secret = path.join(world.worktree, 'key.pem');
  world.write({ 'key.pem': 'the same in both\n' });
  const { n } = await world.store.capture({ reason: 'test' });
  rmSync(secret);
  await world.store.capture({ reason: 'test' });
  const { dropped } = await dropCheckpoints(place, [n], false);
  const capturing = await announced(place, async () => {
    const plan = await planPurge(place, dropped);
    world.write({ 'again.pem': 'the same in both\n' });
    const taken = new CheckpointStore(place).capture({ reason: 'test' });
    // Its ref exists, and its objects are about to be removed.
    await expect.poll(() => world.store.list()).toHaveLength(2);
    await purgeObjects(place, plan);
    return [taken];
  });
  const [{ commit } = { commit: '' }] = await Promise.all(capturing);
  expect(world.git('show', `${commit}:again.pem`)).toBe('the same in both');
  expect(world.repository.tryGit(['fsck', '--connectivity-only']).code).toBe(0);
});
