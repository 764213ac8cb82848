import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Spool } from '../../../src/wrapper/link/spool.ts';
import type { TaskResult } from '../../../src/coordination/messages.ts';
import type { Clock } from '../../../src/lib/clock.ts';

let dir: string;
let timers: { at: number; run: () => void }[];
let now: number;
let sent: string[];
let broker: 'up' | 'down';

const clock: Clock = {
  now: () => now,
  monotonic: () => now,
  after: (ms, run) => {
    const timer = { at: now + ms, run };
    timers.push(timer);
    return () => (timers = timers.filter((other) => other !== timer));
  },
};

function advance(ms: number): void {
  now += ms;
  const due = timers.filter(({ at }) => at <= now);
  timers = timers.filter(({ at }) => at > now);
  for (const { run } of due) run();
}

const result = (task: string): TaskResult => ({
  task,
  attempt: 1,
  agent: 'worker-1',
  outcome: 'done',
  errorClass: null,
  error: null,
  summary: '',
  commit: null,
  branch: null,
  notes: [],
  sessionId: null,
  usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
  startedAt: '2030-01-01T00:00:00Z',
  endedAt: '2030-01-01T00:00:01Z',
});

const openSpool = async (): Promise<Spool> => {
  const spool = new Spool({
    dir,
    publish: async ({ task }) => {
      if (broker === 'down') throw new Error('no broker');
      sent.push(task);
    },
    changed: () => undefined,
    clock,
    log: pino({ level: 'silent' }),
  });
  await spool.open();
  return spool;
};

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'spool-'));
  timers = [];
  now = 0;
  sent = [];
  broker = 'up';
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a result that was not confirmed is delivered by the next incarnation', async () => {
  broker = 'down';
  const first = await openSpool();
  await first.deliver(result('t1'));
  await first.close();
  broker = 'up';
  const second = await openSpool();
  expect(second.pending).toEqual([{ task: 't1', attempt: 1 }]);
  second.flush();
  await expect.poll(() => sent).toEqual(['t1']);
  await second.close();
  expect(await readdir(dir)).toEqual([]);
});

test('a confirmed result is said again to a broker that was away, until a minute has passed', async () => {
  const spool = await openSpool();
  await (
    await spool.deliver(result('t1'))
  ).confirmed;
  spool.resend();
  await expect.poll(() => sent).toEqual(['t1', 't1']);
  advance(60_000);
  await expect.poll(() => readdir(dir)).toEqual([]);
  spool.resend();
  await spool.deliver(result('t2'));
  await expect.poll(() => sent).toEqual(['t1', 't1', 't2']);
  await spool.close();
});

test('results of an earlier incarnation go first, and undeliverable ones prevent no claim', async () => {
  broker = 'down';
  const first = await openSpool();
  await first.deliver(result('t1'));
  expect(first.inherited, 'its own').toBe(false);
  await first.close();
  const second = await openSpool();
  expect(second.inherited).toBe(true);
  second.flush();
  await expect.poll(() => second.inherited).toBe(false);
  broker = 'up';
  second.resend();
  expect(second.inherited).toBe(true);
  await expect.poll(() => second.inherited).toBe(false);
  expect(sent).toEqual(['t1']);
  await second.close();
});
