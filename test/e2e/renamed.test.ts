import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { expectError, openWorld, poll, SHELL_WORKER, UP, type World } from './world.ts';

let world: World;
afterEach(() => world[Symbol.asyncDispose]());

interface Finding {
  check: string;
  severity: string;
  text: string;
}

test('a renamed folder goes on: its tasks, checkpoints and worktrees are those of before', async () => {
  world = await openWorld({
    repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': `${SHELL_WORKER}stopGrace: 1s\n` } },
  });
  const shop = world.repository.path;
  const store = `${shop}-store`;
  await world.ok(UP);
  const done = await world.shell('echo one >one');
  await world.done(done);
  await world.ok(['pause', 'worker-1']);
  const waits = await world.shell('echo two >two');
  const worktree = path.join(`${shop}.swarm`, 'worker-1');
  await writeFile(path.join(worktree, 'mine'), 'first\n');
  const { n } = (await world.ok(['checkpoint', 'worker-1', '-m', 'mine', '--json'])).json<{ n: number }>();
  await writeFile(path.join(worktree, 'mine'), 'second\n');
  await world.ok(['down']);
  const found = async (cwd: string): Promise<Finding[]> =>
    (await world.run(['doctor', '--json'], { cwd }))
      .json<{ findings: Finding[] }>()
      .findings.filter(({ severity }) => severity !== 'ok');
  const before = await found(shop);
  await rename(shop, store);

  const there = { cwd: store };
  const earlier = `this repository was ${shop}`;
  expect((await world.run(['task', 'ls'], there)).stderr).toContain(earlier);
  expect((await world.ok(['status'], there)).stderr).toContain(earlier);
  expect((await found(store)).map(({ text }) => text).join('\n')).toContain(earlier);

  const up = await world.ok(UP, there);
  expect(up.stderr.split('\n').filter((line) => line.includes(earlier))).toHaveLength(1);
  expect(existsSync(shop)).toBe(false);
  const tasks = async () =>
    Object.fromEntries(
      (await world.ok(['task', 'ls', '--json'], there))
        .json<{ id: string; state: string }[]>()
        .map(({ id, state }) => [id, state]),
    );
  expect(await tasks()).toMatchObject({ [done]: 'done' });
  expect(await tasks()).toHaveProperty(waits);
  await world.ok(['rollback', 'worker-1', String(n)], there);
  expect(await readFile(path.join(worktree, 'mine'), 'utf8')).toBe('first\n');
  await world.ok(['resume', 'worker-1'], there);
  await poll(tasks, (all) => all[waits] === 'done', `${waits} to be done`);
  await world.ok(['merge', done], there);
  expect(await readFile(path.join(store, 'one'), 'utf8')).toBe('one\n');
  expect(await found(store)).toEqual(before);
  expect((await world.ok(UP, there)).stderr).not.toContain(earlier);

  // While it is up, it is found from there all the same.
  const third = { cwd: `${shop}-third` };
  await rename(store, third.cwd);
  expectError(await world.run(UP, third), 1, `this repository was ${store}`, 'still up under the earlier name');
  expect((await world.ok(['down'], third)).stdout).toContain('is down');
  expect((await world.ok(UP, third)).stderr).toContain(`this repository was ${store}`);
  expect((await world.ok(['task', 'ls'], third)).stdout).toContain('echo two >two');
  await world.ok(['down'], third);
});
