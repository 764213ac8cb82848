import { describe, expect, it, vi } from 'vitest';
import { Feed } from '../../../src/dashboard/feed.ts';
import type { Model } from '../../../src/dashboard/model.ts';
import { changes } from '../../../src/dashboard/plain.ts';
import { fakeAgent, fakePermission, fakeStatus } from '../../integration/dashboard/fake-supervisor.ts';
import { event, HandSource, model } from './support.ts';

/** A feed that runs until the test ends. */
function running(source: HandSource, options: { intervalMs?: number; idleMs?: number; pastEvents?: number } = {}) {
  const ended = new AbortController();
  const feed = new Feed({ source, intervalMs: 100, idleMs: 60_000, ...options });
  let news = 0;
  feed.subscribe(() => {
    news += 1;
  });
  const run = feed.run(ended.signal);
  return { feed, news: () => news, [Symbol.asyncDispose]: () => (ended.abort(), run) };
}

describe('the feed', () => {
  it('an event is seen at once, with what it changed', async () => {
    const source = new HandSource(model({ events: [] }));
    await using given = running(source);
    await expect.poll(() => given.feed.model.status).not.toBeNull();
    source.state = { ...source.state, status: fakeStatus([fakeAgent('new')]) };
    source.emit(event(1), event(2));
    await expect.poll(() => given.feed.model.status?.agents.map(({ id }) => id)).toEqual(['new']);
    expect(given.feed.model.events.map(({ id }) => id)).toEqual([2, 1]);
  });

  it('tasks are asked for again when an event comes before the answer', async () => {
    const source = new HandSource(model({ events: [], tasks: [] }));
    const gate = Promise.withResolvers<void>();
    const list = vi.spyOn(source.tasks, 'list').mockImplementationOnce(async () => {
      await gate.promise;
      return [];
    });
    await using given = running(source, { intervalMs: 5, idleMs: 5 });
    await expect.poll(() => list.mock.calls.length).toBe(1);
    source.state = { ...source.state, tasks: model().tasks };
    source.emit(event(1));
    // The stream hands it on in its own turn.
    await new Promise(setImmediate);
    gate.resolve();
    await expect.poll(() => given.feed.model.tasks.length).toBe(30);
  });

  it('asks for what happened before where that is wanted, and only there', async () => {
    const [dashboard, lines] = [new HandSource(model({ events: [] })), new HandSource(model({ events: [] }))];
    await using first = running(dashboard, { pastEvents: 50 });
    await using second = running(lines);
    await expect.poll(() => [first, second].every(({ feed }) => feed.model.status !== null)).toBe(true);
    expect([dashboard.askedAfter, lines.askedAfter]).toEqual([-50, undefined]);
  });

  it('however much happens, it changes once in an interval', async () => {
    const source = new HandSource(model({ events: [] }));
    await using given = running(source, { intervalMs: 200 });
    const beganAt = performance.now();
    let id = 0;
    while (performance.now() - beganAt < 1000) {
      source.emit(event((id += 1)));
      await new Promise(setImmediate);
    }
    const most = Math.ceil((performance.now() - beganAt) / 200) + 2;
    expect(given.news()).toBeLessThanOrEqual(most);
    expect(source.looks).toBeLessThanOrEqual(most);
    expect(given.feed.model.events.length, 'old ones are forgotten').toBeLessThanOrEqual(200);
  });

  it('looks that find nothing new, or only changes that are not shown, call no listener', async () => {
    const source = new HandSource(model({ events: [] }));
    await using given = running(source, { intervalMs: 5, idleMs: 5 });
    await expect.poll(() => source.looks).toBeGreaterThan(3);
    const before = given.news();
    source.state = {
      ...source.state,
      status: { ...fakeStatus(model().status?.agents ?? []), queues: [{ name: 'q', messages: 3, consumers: 1 }] },
    };
    const looks = source.looks;
    await expect.poll(() => source.looks).toBeGreaterThan(looks + 5);
    expect(given.news()).toBe(before);
  });

  it('a supervisor that goes away is told once, and asked again until it is back', async () => {
    const source = new HandSource(model({ events: [] }));
    await using given = running(source, { intervalMs: 5, idleMs: 5 });
    await expect.poll(() => given.feed.model.status).not.toBeNull();
    source.failure = new Error('swarm is not up for this repository');
    await expect.poll(() => given.feed.model.away).toContain('not up');
    const told = given.news();
    const looks = source.looks;
    await expect.poll(() => source.looks).toBeGreaterThan(looks + 5);
    expect(given.news()).toBe(told);
    expect(given.feed.model.status?.agents, 'what it said last').toHaveLength(30);
    source.failure = null;
    await expect.poll(() => given.feed.model.away).toBeNull();
  });
});

describe('changes as lines', () => {
  const at = '2026-01-01T12:00:00.000Z';
  const told = (before: Model, after: Model): string[] =>
    changes(before, after, at).map(({ subject, text }) => `${subject} ${text}`);
  const of = (...agents: Parameters<typeof fakeAgent>[]): Model =>
    model({ events: [], status: fakeStatus(agents.map((agent) => fakeAgent(...agent))) });

  it('everything first, then only what is new', () => {
    const first = of(['worker-1']);
    expect(told({ ...first, status: null }, first)).toEqual(['broker up', 'worker-1 idle']);
    expect(told(first, of(['worker-1']))).toEqual([]);
    expect(told(first, of(['worker-1', { status: 'failed', reason: 'no\nlogin' }], ['worker-2']))).toEqual([
      'worker-1 failed: no login',
      'worker-2 idle',
    ]);
    expect(told(of(['worker-1'], ['worker-2']), first)).toEqual(['worker-2 gone']);
  });

  it('what needs the person, and that it is settled', () => {
    const asks = model({ events: [] }, [fakePermission('worker-1', 'p1', 'npm install')]);
    expect(told(model({ events: [] }), asks)).toEqual(['worker-1 needs you: permission: Bash: npm install']);
    expect(told(asks, model({ events: [] }))).toEqual(['worker-1 permission settled']);
  });

  it('tasks by their events, in their order, each once', () => {
    const before = model({ events: [event(1)] });
    const after = model({
      events: [{ ...event(3, 'task.dead'), data: { error: 'tests fail' } }, event(2, 'task.running'), event(1)],
    });
    expect(told(before, after)).toEqual(['t1 running (worker-1)', 't1 dead (worker-1): tests fail']);
  });

  it('a supervisor that is away and back', () => {
    expect(told(model(), model({ away: 'no answer' }))).toEqual(['supervisor away: no answer']);
    expect(told(model({ away: 'no answer' }), model())).toEqual(['supervisor is back']);
  });
});
