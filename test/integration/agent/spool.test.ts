import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { systemClock } from '../../../src/agent/ports.ts';
import { Spool } from '../../../src/agent/spool.ts';
import type { TaskResult } from '../../../src/coordination/messages.ts';
import { NO_USAGE } from '../../../src/domain/agent.ts';
import { silentLog } from '../../unit/agent/support.ts';

const test = base.extend('dir', async ({}, { onCleanup }) => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-spool-'));
  onCleanup(() => rm(dir, { recursive: true, force: true }));
  return dir;
});

function result(task: string): TaskResult {
  return {
    task,
    attempt: 1,
    agent: 'worker-1',
    outcome: 'done',
    errorClass: null,
    error: null,
    summary: '',
    commit: null,
    branch: null,
    sessionId: null,
    usage: { ...NO_USAGE },
    startedAt: '2030-01-01T00:00:00Z',
    endedAt: '2030-01-01T00:00:01Z',
  };
}

function open(dir: string, publish: (result: TaskResult) => Promise<void>): Spool {
  return new Spool({ dir, publish, changed: () => {}, clock: systemClock, log: silentLog });
}

test('a result is on disk before it is published and gone when it is confirmed', async ({ dir }) => {
  const seen: string[][] = [];
  const spool = open(dir, async () => void seen.push(await readdir(dir)));
  await spool.open();
  const { confirmed } = await spool.deliver(result('t1'));
  await confirmed;
  expect(seen).toEqual([['t1-1.json']]);
  await expect.poll(() => readdir(dir)).toEqual([]);
});

test('what is not confirmed is tried again, and sent first by the next incarnation', async ({ dir }) => {
  let tries = 0;
  const dead = open(dir, async () => {
    tries += 1;
    throw new Error('no broker');
  });
  await dead.open();
  await dead.deliver(result('t1'));
  await expect.poll(() => tries, { timeout: 3_000 }).toBeGreaterThan(1);
  dead.close();
  const sent: string[] = [];
  const next = open(dir, async ({ task }) => void sent.push(task));
  await next.open();
  expect(next.pending).toEqual([{ task: 't1', attempt: 1 }]);
  const { confirmed } = await next.deliver(result('t2'));
  await confirmed;
  expect(sent).toEqual(['t1', 't2']);
});

test('where the disk refuses, the result is kept in memory and delivered all the same', async ({ dir }) => {
  // A file in the directory's place refuses even root.
  const spot = path.join(dir, 'spool');
  await writeFile(spot, '');
  await chmod(spot, 0o400);
  const sent: string[] = [];
  const spool = open(spot, async ({ task }) => void sent.push(task));
  await spool.open();
  const { confirmed } = await spool.deliver(result('t1'));
  await confirmed;
  expect(sent).toEqual(['t1']);
});

test('a broken file is put aside and hinders nothing', async ({ dir }) => {
  await writeFile(path.join(dir, 't1-1.json'), '{"task":');
  await writeFile(path.join(dir, '.t2-1.json.abc.tmp'), 'half');
  const spool = open(dir, async () => {});
  await spool.open();
  expect(spool.pending).toEqual([]);
  expect(await readdir(dir)).toEqual(['t1-1.json.bad']);
});
