import { expect, test } from 'vitest';
import type { Limits } from '../../../../src/health/index.ts';
import { LimitWatch } from '../../../../src/supervisor/watch/limits.ts';
import { NO_USAGE } from '../../../../src/domain/agent.ts';
import { events, pane, record, says, settled, snapshot, Time } from '../kit.ts';

const OFF: Limits = { memory: {}, processes: {}, turn: {}, usd: {}, tokens: {} };

function scene(limits: Partial<Limits>) {
  const time = new Time();
  const seen = events();
  const worker = record();
  worker.observed.pane = pane();
  worker.observed.linked = true;
  const paused: string[] = [];
  let memory = {};
  const open = (): LimitWatch =>
    new LimitWatch({
      events: seen.log,
      now: time.now,
      gaps: () => [],
      records: () => [worker],
      limits: () => ({ ...OFF, ...limits }),
      pause: async (_record, text) => {
        paused.push(text);
        worker.row = { ...worker.row, desired: 'paused' };
      },
      memory: { read: () => memory, write: async (days) => void (memory = structuredClone(days)) },
      onError: (error) => {
        throw error;
      },
    });
  const spends = (costUsd: number): boolean =>
    says(worker, snapshot('worker-1', { usage: { ...NO_USAGE, costUsd } }), time.now());
  return { time, seen, worker, paused, open, spends };
}

test('money counts from midnight, also over a restart of the supervisor, and anew once a person lets it go on', async () => {
  const { time, worker, paused, open, spends } = scene({ usd: { soft: 5, hard: 10 } });
  spends(100);
  open().tick();
  expect(worker.crossings, 'what it cost before is of another day').toEqual([]);
  spends(107);
  open().tick();
  expect(worker.crossings.map(({ how }) => how)).toEqual(['soft']);
  spends(111);
  const watch = open();
  watch.tick();
  await settled();
  expect(paused).toEqual(['what it cost today is $11.00, more than $10.00']);
  worker.row = { ...worker.row, desired: 'up' };
  watch.renew(worker);
  watch.tick();
  expect(worker.crossings).toEqual([]);
  spends(122);
  watch.tick();
  expect(worker.crossings).toHaveLength(1);
  time.pass(86_400_000);
  watch.tick();
  expect(worker.crossings).toEqual([]);
  await settled();
});

test('the time that a turn waits for a person is not its own', () => {
  const { time, worker, open } = scene({ turn: { soft: 60_000 } });
  const began = new Date(time.now()).toISOString();
  const activity = {
    hook: null,
    tool: null,
    turnBegan: began,
    waitedMs: 30_000,
    apiAt: null,
    advancedAt: null,
    failure: null,
    repeat: null,
  };
  says(worker, snapshot('worker-1', { turn: 'busy', activity }), time.now());
  const watch = open();
  time.pass(80_000);
  watch.tick();
  expect(worker.crossings).toEqual([]);
  time.pass(20_000);
  watch.tick();
  expect(worker.crossings.map(({ limit }) => limit)).toEqual(['turn']);
});

test('a crossing is one event for as long as it lasts', async () => {
  const { seen, worker, open, spends } = scene({ processes: { soft: 3 } });
  spends(0);
  const use = (processes: number): void => {
    worker.signs = {
      transcriptAt: null,
      work: null,
      screen: null,
      person: { attached: false, lastKeyAt: null },
      stopped: null,
      session: null,
      use: { processes, rssBytes: 0, cpuPercent: 0 },
    };
  };
  const watch = open();
  for (const processes of [4, 5, 6, 2, 7]) {
    use(processes);
    watch.tick();
  }
  await settled();
  expect(seen.names()).toEqual(['agent.limit.soft', 'agent.limit.soft']);
});
