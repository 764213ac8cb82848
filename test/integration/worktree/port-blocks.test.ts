import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test as base, expect } from 'vitest';
import { claimPorts, overlap, releasePorts } from '../../../src/worktree/port-blocks.ts';

const test = base.extend<{ home: string }>({
  home: async ({}, use) => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'swarm-ports-'));
    for (const name of ['a', 'b']) mkdirSync(path.join(home, name));
    await use(home);
    rmSync(home, { recursive: true, force: true });
  },
});

const claim = (home: string, project: 'a' | 'b', agent: string, { base: from = 20_000, size = 20 } = {}) =>
  claimPorts({
    directory: path.join(home, 'ports'),
    project,
    agent,
    root: path.join(home, project),
    base: from,
    size,
  });

test('an agent keeps its block, and no other has a port of it', async ({ home }) => {
  expect(await claim(home, 'a', 'worker-1')).toBe(20_000);
  expect(await claim(home, 'a', 'worker-2')).toBe(20_020);
  expect(await claim(home, 'b', 'worker-1')).toBe(20_040);
  expect(await claim(home, 'a', 'worker-1')).toBe(20_000);
  // Another size, another base: still disjoint.
  const odd = await claim(home, 'b', 'worker-2', { base: 20_007, size: 33 });
  expect(odd).toBe(20_007 + 33 * 2);
});

test('thirty at once, of two sizes, have thirty blocks', async ({ home }) => {
  const wanted = Array.from({ length: 30 }, (_, index) => ({
    agent: `worker-${index}`,
    size: index % 2 === 0 ? 20 : 7,
  }));
  const blocks = await Promise.all(
    wanted.map(async ({ agent, size }) => ({ start: (await claim(home, 'a', agent, { size })) ?? 0, size })),
  );
  for (const [at, one] of blocks.entries())
    for (const other of blocks.slice(at + 1)) expect(overlap(one, other), `${one.start} ${other.start}`).toBe(false);
});

test('blocks of a project that is forgotten or gone are free again, and new settings give a new one', async ({
  home,
}) => {
  await claim(home, 'a', 'worker-1');
  await claim(home, 'b', 'worker-1');
  await releasePorts(path.join(home, 'ports'), 'a');
  expect(await claim(home, 'b', 'worker-2')).toBe(20_000);
  rmSync(path.join(home, 'b'), { recursive: true });
  expect(await claim(home, 'a', 'worker-1')).toBe(20_000);
  expect(await claim(home, 'a', 'worker-1', { base: 21_000 })).toBe(21_000);
  expect(await claim(home, 'a', 'worker-2')).toBe(20_000);
});

test('where no block is left there is none', async ({ home }) => {
  const last = { base: 32_740, size: 20 };
  expect(await claim(home, 'a', 'worker-1', last)).toBe(32_740);
  expect(await claim(home, 'a', 'worker-2', last)).toBeNull();
});
