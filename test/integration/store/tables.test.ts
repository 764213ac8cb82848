import { describe, expect } from 'vitest';
import { NO_USAGE } from '../../../src/domain/agent.ts';
import type { StoredAgent } from '../../../src/store/agents.ts';
import { test } from './store-kit.ts';

const agent = (id: string, fields: Partial<StoredAgent> = {}): StoredAgent => ({
  id,
  role: 'worker',
  kind: 'claude',
  desired: 'up',
  spec: { command: ['claude'] },
  sessionId: null,
  restarts: 0,
  checkpoint: null,
  usage: NO_USAGE,
  createdAt: 1,
  ...fields,
});

describe('agents', () => {
  test('are there after a restart, as they were changed', async ({ place }) => {
    const store = place.open();
    await Promise.all([store.agents.put(agent('worker-2')), store.agents.put(agent('worker-1'))]);
    expect(
      await store.agents.update('worker-1', { desired: 'paused', sessionId: 's', restarts: 3, checkpoint: 7 }),
    ).toBe(true);
    expect(await store.agents.update('nobody', { desired: 'up' })).toBe(false);
    for (let n = 0; n < 2; n += 1) {
      await store.agents.addUsage('worker-1', {
        costUsd: 0.5,
        inputTokens: 1,
        outputTokens: 2,
        cacheReadTokens: 3,
        cacheCreationTokens: 4,
      });
    }
    expect(await store.agents.remove('worker-2')).toBe(true);
    expect(await store.agents.remove('worker-2')).toBe(false);
    store.close();
    const again = place.open().agents;
    expect(again.list()).toEqual([
      agent('worker-1', {
        desired: 'paused',
        sessionId: 's',
        restarts: 3,
        checkpoint: 7,
        usage: { costUsd: 1, inputTokens: 2, outputTokens: 4, cacheReadTokens: 6, cacheCreationTokens: 8 },
      }),
    ]);
    expect(again.get('worker-2')).toBeUndefined();
  });
});

describe('messages', () => {
  test('wait in order, are known by their id, and end with one receipt', async ({ place }) => {
    const { messages } = place.open();
    const message = { id: 'm1', agent: 'worker-1', sender: 'person', text: 'hello' };
    expect(await messages.queue(message)).toBe(true);
    expect(await messages.queue({ ...message, text: 'again' })).toBe(false);
    await messages.queue({ ...message, id: 'm2' });
    await messages.queue({ ...message, id: 'm3', agent: 'worker-2' });
    expect(messages.queued('worker-1').map(({ id, text }) => [id, text])).toEqual([
      ['m1', 'hello'],
      ['m2', 'hello'],
    ]);
    expect(await messages.settle('m1', 'refused', 'the agent is gone')).toBe(true);
    expect(await messages.settle('m1', 'delivered')).toBe(false);
    expect(messages.get('m1')).toMatchObject({ receipt: 'refused', reason: 'the agent is gone' });
    expect(messages.queued('worker-1').map(({ id }) => id)).toEqual(['m2']);
  });

  test('the newest thousand with a receipt stay, and all that wait', async ({ place }) => {
    const store = place.open();
    const ids = Array.from({ length: 1_050 }, (_, n) => `m${n}`);
    await Promise.all(ids.map((id) => store.messages.queue({ id, agent: 'a', sender: 'b', text: 'c' })));
    await Promise.all(ids.slice(1).map((id) => store.messages.settle(id, 'delivered')));
    expect(store.messages.get('m0')).toMatchObject({ receipt: 'queued' });
    expect(store.messages.get('m49')).toBeUndefined();
    expect(store.messages.get('m50')).toMatchObject({ receipt: 'delivered' });
  });
});

describe('events', () => {
  test('are numbered in order, read from any point, and the oldest go', async ({ place }) => {
    const { events } = place.open({ keepEvents: 500 });
    expect(events.lastId()).toBe(0);
    const event = {
      at: '2030-01-01T00:00:00.000Z',
      name: 'agent.started',
      agent: 'worker-1',
      task: null,
      data: { pid: 7 },
    };
    const ids = await Promise.all(Array.from({ length: 2_100 }, () => events.append(event)));
    expect(ids).toEqual(Array.from({ length: 2_100 }, (_, n) => n + 1));
    expect(events.after(0, 1)).toEqual([{ id: 1_501, ...event }]);
    expect(events.after(2_098, 10).map(({ id }) => id)).toEqual([2_099, 2_100]);
    expect(events.after(-3, 10).map(({ id }) => id)).toEqual([2_098, 2_099, 2_100]);
    expect(events.lastId()).toBe(2_100);
  });
});

describe('small facts', () => {
  test('are still there when the store is opened again', async ({ place }) => {
    const first = place.open();
    const base = { branch: 'main', commit: 'c0ffee' };
    await first.write(() => first.notes.set('swarm.base', base));
    first.close();
    expect(place.open().notes.get('swarm.base')).toEqual(base);
  });

  test('a mistake in a query is told as it is', ({ place }) => {
    const store = place.open();
    expect(() => store.read((db) => db.all('SELECT * FROM no_such_table'))).toThrow('no such table');
  });
});
