import { expect, it } from 'vitest';
import { Slots } from '../../../src/lib/slots.ts';

const never = new AbortController().signal;

it('so many run at once, the others in their order, and no later call comes before them', async () => {
  const slots = new Slots(2);
  const order: string[] = [];
  let running = 0;
  let most = 0;
  const ends = new Map<string, () => void>();
  const work = (name: string) =>
    slots.run(async () => {
      order.push(name);
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      running -= 1;
    }, never);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const all = ['a', 'b', 'c', 'd'].map(work);
  await settled();
  expect(order).toEqual(['a', 'b']);
  ends.get('b')?.();
  all.push(work('e'));
  await settled();
  expect(order).toEqual(['a', 'b', 'c']);
  for (const name of ['a', 'c', 'd', 'e']) {
    ends.get(name)?.();
    await settled();
  }
  await Promise.all(all);
  expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(most).toBe(2);
  expect(slots.full).toBe(false);
});

it('a call that is aborted while it waits never runs, and a failure frees its slot', async () => {
  const slots = new Slots(1);
  const end = Promise.withResolvers<void>();
  const first = slots.run(() => end.promise, never);
  const off = new AbortController();
  const second = slots.run(() => Promise.reject(new Error('ran')), off.signal);
  off.abort(new Error('called off'));
  await expect(second).rejects.toThrow('called off');
  end.reject(new Error('failed'));
  await expect(first).rejects.toThrow('failed');
  await expect(slots.run(async () => 7, never)).resolves.toBe(7);
});
