import { describe, expect, test } from 'vitest';
import type { TaskSpec } from '../../../src/domain/task.ts';
import { claimOf, context, failureOf, kit, resultOf, spec } from '../../unit/scheduler/engine-kit.ts';
import { seeded } from '../../unit/scheduler/seeded.ts';

/** What each task of a plan comes to: `work` of its own, once it may begin. */
interface Node {
  /** Places of the tasks that it waits for. */
  after: Map<number, 'block' | 'skip' | 'continue'>;
  work: 'done' | 'dead' | 'cancelled by a person';
}

type End = 'done' | 'dead' | 'cancelled' | 'waiting';

function randomPlan(random: () => number, size: number): Node[] {
  const failing = random() * 0.3;
  return Array.from({ length: size }, (_, place) => {
    const after: Node['after'] = new Map();
    for (let n = Math.floor(random() * 4); n > 0 && place > 0; n -= 1) {
      const near = random() < 0.7 ? Math.min(place, 12) : place;
      const policy = random() < 0.4 ? 'block' : random() < 0.5 ? 'skip' : 'continue';
      after.set(place - 1 - Math.floor(random() * near), policy);
    }
    const fate = random();
    return { after, work: fate < failing ? 'dead' : fate < failing * 1.3 ? 'cancelled by a person' : 'done' };
  });
}

/** One task after the other, in the order of the plan, in which each stands after those that it waits for. */
function model(plan: readonly Node[]): End[] {
  const ends: End[] = [];
  for (const { after, work } of plan) {
    const failed = [...after].filter(([place]) => ['dead', 'cancelled'].includes(ends[place] ?? ''));
    const open = [...after].filter(([place]) => ends[place] === 'waiting');
    if (work === 'cancelled by a person' || failed.some(([, policy]) => policy === 'skip')) ends.push('cancelled');
    else if (open.length > 0 || failed.some(([, policy]) => policy === 'block')) ends.push('waiting');
    else ends.push(work);
  }
  return ends;
}

/** The same by the engine, with four agents whose tasks end in any order. */
async function byEngine(plan: readonly Node[], random: () => number): Promise<End[]> {
  const { engine } = kit({ random });
  const name = (place: number): string => `n${place}`;
  const tasks = plan.map(({ after }, place): [string, TaskSpec] => [
    name(place),
    spec({ retries: 0, after: [...after].map(([dep, onFailure]) => ({ task: name(dep), onFailure })) }),
  ]);
  const { tasks: added } = await engine.submitGroup({ name: 'plan', tasks });
  const ids = added.map(({ id }) => id);
  const places = new Map(ids.map((id, place) => [id, place]));
  for (const [place, id] of ids.entries()) if (plan[place]?.work === 'cancelled by a person') await engine.cancel(id);
  const held: { agent: string; task: string; attempt: number }[] = [];
  for (;;) {
    const agent = ['a-1', 'a-2', 'a-3', 'a-4'].find((each) => !held.some((one) => one.agent === each));
    const reply = agent === undefined ? undefined : await engine.claim(claimOf(agent), context);
    if (agent !== undefined && reply?.got === 'task') {
      held.push({ agent, ...reply.order });
      if (random() < 0.7) continue;
    }
    const [ended] = held.splice(Math.floor(random() * held.length), 1);
    if (ended === undefined) break;
    const isDone = plan[places.get(ended.task) ?? -1]?.work === 'done';
    await engine.result((isDone ? resultOf : failureOf)(ended, ended.agent));
  }
  return ids.map((id) => engine.get(id).state as End);
}

/** @param size else most plans are small */
async function check(seed: number, size?: number): Promise<void> {
  const random = seeded(seed);
  const plan = randomPlan(random, size ?? 20 + Math.floor(random() ** 4 * 281));
  expect(await byEngine(plan, random), `seed ${seed}`).toEqual(model(plan));
}

const LONG = process.env['SWARM_TEST_LONG'] === '1';
const PLANS = LONG ? 5_000 : 300;
const LARGE = LONG ? 10 : 1;
const LIMIT_MS = LONG ? 3_600_000 : 120_000;

describe('every task of a plan comes to what a sequential model says', () => {
  test(`of ${PLANS} random ones of 20 to 300 tasks`, { timeout: LIMIT_MS }, async () => {
    const first = Math.floor(Math.random() * 1_000_000);
    for (let n = 0; n < PLANS; n += 1) await check(first + n);
  });

  test(`of ${LARGE} with 10,000 tasks`, { timeout: LIMIT_MS }, async () => {
    for (let n = 0; n < LARGE; n += 1) await check(Math.floor(Math.random() * 1_000_000), 10_000);
  });
});
