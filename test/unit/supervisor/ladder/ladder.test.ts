import { expect, test } from 'vitest';
import type { Checkpoint } from '../../../../src/checkpoint/tree/types.ts';
import type { Rung } from '../../../../src/domain/ladder.ts';
import type { Task } from '../../../../src/domain/task-document.ts';
import type { Trouble } from '../../../../src/health/index.ts';
import type { LadderRules, LadderState } from '../../../../src/supervisor/ladder/next-rung.ts';
import { interruptWhat, lastGood, nudgeText } from '../../../../src/supervisor/ladder/steps.ts';
import { Ladder } from '../../../../src/supervisor/ladder/ladder.ts';
import { type AnyRecord, events, pane, record, says, settled, silentLog, snapshot, Time } from '../kit.ts';

const RULES: LadderRules = { note: 0, nudge: 1, interrupt: 1, restart: 1, rollback: 1, reassign: 1, fail: 1 };
const STUCK = 'agent.ladder.';

function scene({ kept = {} as Record<string, LadderState>, fails = false } = {}) {
  const time = new Time();
  const seen = events();
  const worker = record();
  worker.observed.pane = pane();
  worker.observed.linked = true;
  worker.lifecycle = { phase: 'up', since: time.now() };
  const taken: Rung[] = [];
  const gates: (() => void)[] = [];
  let memory = kept;
  const task = { id: 't1', state: 'running' } as Task;
  const open = (): Ladder =>
    new Ladder({
      log: silentLog,
      events: seen.log,
      now: time.now,
      gaps: () => [],
      rules: () => RULES,
      stuckAfterMs: () => 60_000,
      records: () => [worker],
      task: () => task,
      holder: () => null,
      another: () => 'worker-2',
      take: (rung) => {
        taken.push(rung);
        if (fails) return Promise.reject(new Error('it does not listen'));
        return new Promise((resolve) => gates.push(resolve));
      },
      memory: {
        read: () => memory,
        write: async (states) => void (memory = structuredClone(states)),
      },
    });
  const holds = (...tasks: string[]): void => {
    const since = new Date(time.now()).toISOString();
    says(
      worker,
      snapshot('worker-1', {
        turn: 'busy',
        tasks: tasks.map((id, slot) => ({ task: id, attempt: 1, slot, phase: 'running' as const, since })),
      }),
      time.now(),
    );
  };
  holds('t1');
  return { time, seen, worker, taken, gates, open, holds, task, memory: () => memory };
}

function isStuck(worker: AnyRecord, at: number, kind: Trouble['kind'] = 'hang-api'): void {
  worker.verdict.status = 'stuck';
  worker.verdict.reason = 'no answer';
  worker.verdict.trouble = { kind, since: at, at };
}

test('one rung at a time, each an event that says why', async () => {
  const { time, seen, worker, taken, gates, open } = scene();
  const ladder = open();
  for (let second = 0; second < 3; second += 1) {
    isStuck(worker, time.now());
    ladder.tick();
    time.pass(1000);
  }
  expect(taken, 'the first is under way').toEqual(['note']);
  gates.shift()?.();
  await settled();
  isStuck(worker, time.now());
  ladder.tick();
  expect(taken).toEqual(['note', 'nudge']);
  await settled();
  expect(seen.all.find(({ name }) => name === `${STUCK}nudge`)).toMatchObject({
    agent: 'worker-1',
    task: 't1',
    data: { cause: 'hang-api', reason: 'no answer' },
  });
});

test('the next supervisor goes on from the rung where this one was', () => {
  const { time, worker, taken, open, memory } = scene();
  isStuck(worker, time.now());
  open().tick();
  expect(memory()['worker-1']?.rung).toBe('note');
  time.pass(1000);
  isStuck(worker, time.now());
  open().tick();
  expect(taken).toEqual(['note', 'nudge']);
});

test('a rung that could not be taken is told, and the next one comes all the same', async () => {
  const { time, seen, worker, taken, open } = scene({ fails: true });
  const ladder = open();
  for (let second = 0; second < 2; second += 1) {
    isStuck(worker, time.now());
    ladder.tick();
    await settled();
    time.pass(1000);
  }
  expect(taken).toEqual(['note', 'nudge']);
  expect(seen.all.filter(({ name }) => name === `${STUCK}missed`)[0]?.data).toEqual({
    rung: 'note',
    detail: 'it does not listen',
  });
});

test.each<[string, (worker: AnyRecord) => void]>([
  ['a pause', (worker) => (worker.row = { ...worker.row, desired: 'paused' })],
  ['a question', (worker) => (worker.verdict.status = 'needs-you')],
  ['a hold', (worker) => (worker.verdict.status = 'held')],
  ['a step of the fleet', (worker) => (worker.step.busy = true)],
  ['a step that waits', (worker) => (worker.step.queuedWork = [() => Promise.resolve({ phase: 'none', since: 0 })])],
  ['a start', (worker) => (worker.lifecycle = { phase: 'starting', since: 0 })],
  [
    'a person at the keyboard',
    (worker) => {
      const lastKeyAt = Date.UTC(2030, 0, 1) - 1000;
      worker.signs = {
        transcriptAt: null,
        work: null,
        screen: null,
        person: { attached: true, lastKeyAt },
        stopped: null,
        session: null,
        use: null,
      };
    },
  ],
])('no rung during %s', (_title, change) => {
  const { time, worker, taken, open } = scene();
  isStuck(worker, time.now());
  change(worker);
  open().tick();
  expect(taken).toEqual([]);
});

test('between two attempts of its task it stays where it is; with another task, or when it is done, it begins anew', async () => {
  const { time, seen, worker, gates, open, holds, task } = scene();
  const ladder = open();
  isStuck(worker, time.now());
  ladder.tick();
  gates.shift()?.();
  await settled();
  worker.verdict.status = 'recovering';
  worker.verdict.trouble = null;
  holds();
  ladder.tick();
  expect(ladder.stateOf('worker-1')?.rung).toBe('note');
  task.state = 'done';
  ladder.tick();
  expect(ladder.stateOf('worker-1')).toBeNull();
  await settled();
  expect(seen.names()).toContain('agent.ladder.reset');
});

test('an agent that a person has looked after begins anew', async () => {
  const { time, worker, taken, gates, open, memory } = scene();
  const ladder = open();
  isStuck(worker, time.now());
  ladder.tick();
  gates.shift()?.();
  await settled();
  ladder.forget('worker-1');
  await settled();
  expect(memory()).toEqual({});
  time.pass(1000);
  isStuck(worker, time.now());
  ladder.tick();
  expect(taken).toEqual(['note', 'note']);
});

test('a hard limit is ended at once, while it works', () => {
  const { worker, taken, open } = scene();
  worker.verdict.status = 'working';
  worker.crossings = [{ limit: 'memory', how: 'hard', text: 'too much' }];
  open().tick();
  expect(taken).toEqual(['restart']);
});

test('the last good checkpoint is of this task, from before the trouble, and none of how it ended', () => {
  const at = (n: number, reason: string, minute: number, task: string | null = 't1') =>
    ({ n, reason, task, at: new Date(minute * 60_000).toISOString() }) as Checkpoint;
  const all = [
    at(1, 'turn-end', 1, 't0'),
    at(2, 'task-start', 2),
    at(3, 'regular', 3),
    at(4, 'crash', 4),
    at(5, 'before-restart', 5),
    at(6, 'regular', 9),
    at(7, 'regular', 4, null),
  ];
  expect(lastGood(all, 't1', 5 * 60_000)?.n).toBe(3);
  expect(lastGood(all, 't1', 10 * 60_000)?.n).toBe(6);
  expect(lastGood(all, 't1', 1000)).toBeNull();
});

test('what hangs is ended: a command, or the turn', () => {
  const what = (cause: LadderState['cause']) => interruptWhat({ cause });
  expect([what('hang-command'), what('long-command'), what('processes')]).toEqual(['command', 'command', 'command']);
  expect([what('hang-api'), what('loop'), what('no-progress'), what('turn')]).toEqual(Array(4).fill('turn'));
  expect(nudgeText({ cause: 'loop', text: 'loop: x', since: 0 })).toMatch(/loop: x.*another way.*fail_task/);
});
