import { describe, expect, test } from 'vitest';
import type { TaskOrder, TaskResult } from '../../../src/coordination/messages.ts';
import { isHeld } from '../../../src/domain/task-state.ts';
import { TASK_STATES, type Priority } from '../../../src/domain/task.ts';
import type { Task } from '../../../src/domain/task-document.ts';
import { decodeLane, mayTake } from '../../../src/scheduler/lane.ts';
import type { TaskRow } from '../../../src/store/task-rows.ts';
import { claimOf, context, kit, resultOf, spec, take, type Kit } from './engine-kit.ts';
import { seeded } from './seeded.ts';

const SEEDS = [1, 2, 3, 4, 5];
const STEPS = 300;
const AGENTS = ['worker-1', 'worker-2', 'worker-3', 'worker-4'];
const CAPABILITIES: Readonly<Record<string, string[]>> = {
  'worker-1': [],
  'worker-2': ['gpu'],
  'worker-3': ['web'],
  'worker-4': ['gpu', 'web'],
};
const MINUTE = 60_000;

class Walk {
  readonly kit: Kit;
  readonly random: () => number;
  /** Every order ever given out: results come for old ones too. */
  readonly orders: { order: TaskOrder; agent: string }[] = [];
  readonly incarnations = new Map<string, number>();
  tasks = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.kit = kit({ random: this.random });
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  async step(): Promise<void> {
    const move = this.random();
    if (this.tasks === 0 || move < 0.15) await this.submit();
    else if (move < 0.45) await this.claim();
    else if (move < 0.75) await this.report();
    else if (move < 0.8) await this.crash();
    else if (move < 0.85) await this.person();
    else if (move < 0.9) await this.beat();
    else this.kit.clock.time += Math.floor(this.random() * 2 * MINUTE);
  }

  async submit(): Promise<void> {
    const count = 1 + Math.floor(this.random() * 4);
    const batch = Array.from({ length: count }, () => {
      const after = Array.from(
        { length: Math.floor(this.random() * 3) },
        () => `t${1 + Math.floor(this.random() * Math.max(1, this.tasks))}`,
      );
      return spec({
        priority: this.pick<Priority>(['critical', 'high', 'normal', 'low']),
        after: this.tasks === 0 ? [] : after,
        needs: this.random() < 0.3 ? [this.pick(['gpu', 'web'])] : [],
        ...(this.random() < 0.2 ? { agent: this.pick(AGENTS) } : {}),
        retries: Math.floor(this.random() * 3),
      });
    });
    await this.kit.engine.submit(batch);
    this.tasks += count;
  }

  async claim(): Promise<void> {
    const agent = this.pick(AGENTS);
    const claim = claimOf(agent, {
      capabilities: CAPABILITIES[agent] ?? [],
      slot: Math.floor(this.random() * 2),
      incarnation: this.incarnation(agent),
    });
    await this.kit.engine.tick();
    const eligible = this.rows().filter(({ state, lane }) => state === 'ready' && mayTake(claim, decodeLane(lane)));
    const held = this.kit.engine.leases(agent).find(({ slot }) => slot === claim.slot);
    const reply = await this.kit.engine.claim(claim, context);
    if (held !== undefined) {
      if (reply.got === 'task') expect(reply.order).toMatchObject({ task: held.task, attempt: held.attempt });
      else expect(held.incarnation).not.toBe(claim.incarnation);
      return;
    }
    expect(reply.got).toBe(eligible.length > 0 ? 'task' : 'none');
    if (reply.got === 'none') return;
    this.orders.push({ order: reply.order, agent });
    const goesOn = reply.order.history.at(-1)?.agent === agent;
    const best = eligible.toSorted((a, b) => a.order_key - b.order_key || a.n - b.n)[0];
    if (!goesOn) expect(reply.order.task).toBe(`t${best?.n}`);
  }

  async report(): Promise<void> {
    if (this.orders.length === 0) return;
    // Mostly of a recent attempt, sometimes of an old one or of one that was reported already.
    const recent = this.random() < 0.8 ? this.orders.slice(-8) : this.orders;
    const { order, agent } = this.pick(recent);
    const outcome = this.pick<TaskResult['outcome']>([
      'done',
      'done',
      'done',
      'failed',
      'timeout',
      'lost',
      'released',
      'cancelled',
    ]);
    const errorClass =
      outcome === 'failed' ? this.pick(['agent', 'verify', 'conflict', 'setup', 'api', 'budget'] as const) : null;
    const current = this.kit.engine
      .leases()
      .some(({ task, attempt }) => task === order.task && attempt === order.attempt);
    const { applied } = await this.kit.engine.result(
      resultOf(order, agent, { outcome, errorClass, sessionId: this.random() < 0.5 ? 'a-session' : null }),
    );
    if (current) expect(applied).toBe(true);
    else if (applied) expect(outcome).toBe('done');
  }

  async crash(): Promise<void> {
    const agent = this.pick(AGENTS);
    this.incarnations.set(agent, (this.incarnations.get(agent) ?? 0) + 1);
    if (this.random() < 0.7) await this.kit.engine.lost({ agent }, 'killed');
  }

  async person(): Promise<void> {
    const task = this.kit.engine.get(`t${1 + Math.floor(this.random() * this.tasks)}`);
    if (task.state === 'dead' || task.state === 'cancelled') await this.kit.engine.retry(task.id);
    else if (task.state !== 'done') await this.kit.engine.cancel(task.id);
  }

  async beat(): Promise<void> {
    const agent = this.pick(AGENTS);
    const leases = this.kit.engine.leases(agent).filter(({ incarnation }) => incarnation === this.incarnation(agent));
    const phase = this.pick(['preparing', 'running', 'verifying', 'asking', 'reporting'] as const);
    const attempts = leases.map(({ task, attempt }) => ({ task, attempt, phase }));
    expect((await this.kit.engine.heartbeat({ agent, incarnation: this.incarnation(agent), attempts })).drop).toEqual(
      [],
    );
  }

  rows(): TaskRow[] {
    return this.kit.store.read((db) => db.all<TaskRow>('SELECT * FROM tasks'));
  }

  incarnation(agent: string): string {
    return `${agent}-${this.incarnations.get(agent) ?? 0}`;
  }
}

function check(walk: Walk, doneBefore: ReadonlySet<string>): Set<string> {
  const { engine } = walk.kit;
  const tasks = engine.list({ limit: 100_000 });
  const states = new Map(tasks.map(({ id, state }) => [id, state]));
  const leases = engine.leases();
  expect(new Set(leases.map(({ task }) => task)).size, 'one living lease for a task').toBe(leases.length);
  expect(
    tasks
      .filter(({ state }) => isHeld(state))
      .map(({ id }) => id)
      .sort(),
    'held is leased',
  ).toEqual(leases.map(({ task }) => task).sort());
  for (const task of tasks) checkTask(task, states);
  for (const id of doneBefore) expect(states.get(id), 'done stays done').toBe('done');
  const counted = Object.fromEntries(
    TASK_STATES.map((state) => [state, tasks.filter((task) => task.state === state).length]),
  );
  expect(engine.counts()).toEqual(counted);
  return new Set(tasks.filter(({ state }) => state === 'done').map(({ id }) => id));
}

function checkTask(task: Task, states: ReadonlyMap<string, string>): void {
  const open = task.after.filter((id) => states.get(id) !== 'done');
  if (task.state === 'waiting') expect(open.length, 'waits for something').toBeGreaterThan(0);
  else if (task.state !== 'cancelled') expect(open, 'never before its dependencies').toEqual([]);
  const running = task.attempts.filter(({ endedAt }) => endedAt === null);
  expect(running.length).toBe(isHeld(task.state) ? 1 : 0);
  expect(task.attempts.map(({ n }) => n)).toEqual(task.attempts.map((_, at) => at + 1));
}

describe('whatever happens in whatever order', () => {
  test.each(SEEDS)(
    'tasks are done once, leased once, and never before their dependencies (seed %i)',
    async (seed) => {
      const walk = new Walk(seed);
      let done = new Set<string>();
      for (let step = 0; step < STEPS; step += 1) {
        await walk.step();
        if (step % 5 === 0) done = check(walk, done);
      }
      done = check(walk, done);
      const finished = walk.kit.store.events
        .after(0, 100_000)
        .flatMap(({ name, task }) => (name === 'task.done' ? [task] : []));
      expect(finished.length).toBe(new Set(finished).size);
      expect(finished.length).toBe(done.size);
      expect(done.size).toBeGreaterThan(10);
    },
    30_000,
  );

  test('a low task waits behind high ones for half an hour at most, though they never end', async () => {
    const { engine, clock } = kit();
    await engine.submit([spec({ priority: 'low', title: 'low' })]);
    let waited = 0;
    for (;;) {
      await engine.submit([spec({ priority: 'high' })]);
      const order = await take(engine, 'worker-1');
      await engine.result(resultOf(order, 'worker-1'));
      if (order.title === 'low') break;
      clock.time += MINUTE;
      waited += MINUTE;
      expect(waited).toBeLessThanOrEqual(30 * MINUTE + MINUTE);
    }
    expect(waited).toBeGreaterThan(29 * MINUTE);
  });

  test('every task of a graph is done in the end, in an order that its arrows allow', async () => {
    const random = seeded(42);
    const { engine } = kit();
    const batch = Array.from({ length: 200 }, (_, n) =>
      spec({ key: `k${n}`, after: n === 0 ? [] : Array.from({ length: 3 }, () => `k${Math.floor(random() * n)}`) }),
    );
    await engine.submit(batch.toReversed());
    const seen = new Set<string>();
    for (let n = 0; n < 200; n += 1) {
      const order = await take(engine, 'worker-1');
      for (const { task, commit } of order.dependencies) {
        expect(seen.has(task)).toBe(true);
        expect(commit).toBe(`commit-of-${task}`);
      }
      await engine.result(resultOf(order, 'worker-1'));
      seen.add(order.task);
    }
    expect(engine.counts()).toMatchObject({ done: 200, waiting: 0, ready: 0 });
  });
});
