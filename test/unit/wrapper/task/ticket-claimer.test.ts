import { expect, test } from 'vitest';
import { TicketClaimer } from '../../../../src/wrapper/task/ticket-claimer.ts';
import type { ClaimReply, TaskOrder } from '../../../../src/coordination/messages.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { silentLog } from '../support.ts';

function order(task: string, attempt = 1): ClaimReply {
  return { got: 'task', order: { task, attempt } as TaskOrder };
}
const none: ClaimReply = { got: 'none', reason: 'nothing' };

function setUp(slots = 1) {
  const clock = new ManualClock();
  const replies: (ClaimReply | Error)[] = [];
  const claims: number[] = [];
  const running = new Map<string, () => void>();
  const capacities: number[] = [];
  const begun: string[] = [];
  const scene = { able: true };
  const worker = new TicketClaimer({
    slots,
    able: () => scene.able,
    claim: async (slot) => {
      claims.push(slot);
      const reply = replies.shift() ?? none;
      if (reply instanceof Error) throw reply;
      return reply;
    },
    run: (given) =>
      new Promise((resolve) => {
        begun.push(`${given.task}/${given.attempt}@${given.slot}`);
        running.set(given.task, resolve);
      }),
    capacity: (free) => capacities.push(free),
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  return { worker, clock, replies, claims, running, capacities, begun, scene };
}

test('a worker that connects claims each slot once, without a ticket', async () => {
  const { worker, claims, capacities } = setUp(2);
  worker.connected();
  await settle();
  expect(claims).toEqual([0, 1]);
  expect(capacities).toEqual([2]);
});

test('a supervisor that comes while a claim is on its way is asked too: the answer may be that of the one before', async () => {
  const { worker, claims, replies, begun } = setUp();
  replies.push(none, order('t1'));
  worker.connected();
  worker.connected();
  await settle();
  expect(claims).toEqual([0, 0]);
  expect(begun).toEqual(['t1/1@0']);
});

test('a ticket is acknowledged when its claim is answered, also in vain', async () => {
  const { worker, replies, begun } = setUp();
  worker.connected();
  await settle();
  expect(await worker.ticket()).toBe('ack');
  replies.push(order('t1'));
  expect(await worker.ticket()).toBe('ack');
  expect(begun).toEqual(['t1/1@0']);
});

test('a ticket that meets no free slot goes back to the others', async () => {
  const { worker, replies, capacities } = setUp();
  replies.push(order('t1'));
  worker.connected();
  await settle();
  expect(capacities.at(-1)).toBe(0);
  expect(await worker.ticket()).toBe('requeue');
});

test('a ticket that comes while the only slot claims waits for that answer', async () => {
  const { worker, replies, claims } = setUp();
  worker.connected();
  replies.push(order('t1'));
  const second = worker.ticket();
  await settle();
  expect(await second).toBe('ack');
  expect(claims).toEqual([0, 0]);
});

test('after each attempt comes the next claim at once, and tickets again only when there is nothing', async () => {
  const { worker, replies, running, begun, capacities } = setUp();
  replies.push(order('t1'), order('t2'));
  worker.connected();
  await settle();
  running.get('t1')?.();
  await settle();
  expect(begun).toEqual(['t1/1@0', 't2/1@0']);
  expect(capacities).toEqual([1, 0]);
  running.get('t2')?.();
  await settle();
  expect(capacities).toEqual([1, 0, 1]);
});

test('an attempt given twice is begun once: the claim is repeated until its result is known there', async () => {
  const { worker, clock, replies, running, begun, claims } = setUp();
  replies.push(order('t1'), order('t1'), order('t1'), order('t2'));
  worker.connected();
  await settle();
  running.get('t1')?.();
  await settle();
  expect(begun).toEqual(['t1/1@0']);
  await clock.advance(10);
  expect(claims).toHaveLength(3);
  await clock.advance(20);
  expect(begun).toEqual(['t1/1@0', 't2/1@0']);
});

test('the next attempt of the same task is begun', async () => {
  const { worker, replies, running, begun } = setUp();
  replies.push(order('t1', 1), order('t1', 2));
  worker.connected();
  await settle();
  running.get('t1')?.();
  await settle();
  expect(begun).toEqual(['t1/1@0', 't1/2@0']);
});

test('a claim without an answer is made again later, with growing waits', async () => {
  const { worker, clock, replies, claims } = setUp();
  replies.push(new Error('no answer'), new Error('no answer'));
  worker.connected();
  await settle();
  expect(claims).toHaveLength(1);
  await clock.advance(400);
  expect(claims).toHaveLength(2);
  await clock.advance(400);
  expect(claims).toHaveLength(2);
  await clock.advance(400);
  expect(claims).toHaveLength(3);
  await clock.advance(60_000);
  expect(claims).toHaveLength(3);
});

test('an agent that is paused, held or failed claims nothing and takes no tickets, and begins again by a claim', async () => {
  const { worker, claims, capacities, scene } = setUp();
  scene.able = false;
  worker.connected();
  await settle();
  expect([claims, capacities]).toEqual([[], [0]]);
  expect(await worker.ticket()).toBe('requeue');
  scene.able = true;
  worker.reconsider();
  await settle();
  expect([claims, capacities]).toEqual([[0], [0, 1]]);
});

test('without a broker there is nothing to claim, and a stop leaves no timer behind', async () => {
  const { worker, clock, replies, claims } = setUp();
  replies.push(new Error('no answer'));
  worker.connected();
  await settle();
  worker.stop();
  worker.disconnected();
  expect(clock.pending).toBe(0);
  worker.connected();
  await settle();
  expect(claims).toHaveLength(1);
});
