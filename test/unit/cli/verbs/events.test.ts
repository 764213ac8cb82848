import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../../src/api/agents/schemas.ts';
import type { EventDocument } from '../../../../src/api/events/schemas.ts';
import { eventLine } from '../../../../src/cli/say/event-line.ts';
import { matches, readHistory, readSince } from '../../../../src/cli/verbs/events.ts';
import { changeOf, scaleText } from '../../../../src/cli/verbs/scale.ts';
import { screen, thrown } from '../run.ts';

const AT = new Date(2030, 0, 1, 9, 5, 1, 250);

function event(change: Partial<EventDocument>): EventDocument {
  return { id: 1, at: AT.toISOString(), name: 'task.done', agent: null, task: null, data: {}, ...change };
}

const line = (change: Partial<EventDocument>, today = AT): string => eventLine(event(change), screen().output, today);

describe('an event as a line', () => {
  it('says when, what, whose, and the rest by name', () => {
    expect(line({ agent: 'worker-1', task: 't3', data: { attempt: 2, commit: null } })).toBe(
      '09:05:01.250 task.done                worker-1 t3 attempt=2',
    );
  });

  it('shows amounts without the digits of binary fractions, and counts as they are', () => {
    expect(line({ data: { costUsd: 0.0008240000000000001, tokens: 1234567 } })).toMatch(
      / costUsd=0\.000824 tokens=1234567$/,
    );
  });

  it('shows the day of another day', () => {
    expect(line({}, new Date(2030, 0, 2))).toBe('2030-01-01 09:05:01.250 task.done');
  });

  it('reads a change of status as one, with its reason first', () => {
    const data = { from: 'idle', reason: 't3 running', rule: 'hook' };
    expect(line({ name: 'agent.status.working', agent: 'worker-1', data })).toBe(
      '09:05:01.250 agent.status.working     worker-1 idle → working t3 running rule=hook',
    );
  });

  it('never lets what an agent wrote steer the terminal or break the line', () => {
    const text = line({
      name: 'agent.\u001B[31mnote',
      data: { note: 'a\nb\u001B[2J', list: ['x', 'y'], odd: { a: 1 } },
    });
    expect(text).toContain('agent.note');
    expect(text).toContain('a b list=x,y odd={"a":1}');
    expect(text).not.toMatch(/[\u001B\n]/);
  });

  it('survives a time that is none', () => {
    expect(line({ at: 'yesterday' })).toContain('yesterday');
  });
});

describe('which events', () => {
  it('--since takes an id or a duration, and says so otherwise', async () => {
    expect(readSince(undefined, 5_000)).toEqual({ id: 0, at: 0 });
    expect(readSince('12', 5_000)).toEqual({ id: 12, at: 0 });
    expect(readSince('3s', 5_000)).toEqual({ id: 0, at: 2_000 });
    expect(await thrown(() => readSince('noon', 0))).toMatchObject({ code: 'bad-since', exitCode: 2 });
  });

  it('agent and task must both fit where both are asked for', () => {
    const about = event({ agent: 'worker-1', task: 't1' });
    expect(matches(about, {})).toBe(true);
    expect(matches(about, { agent: 'worker-1', task: 't1' })).toBe(true);
    expect(matches(about, { agent: 'worker-1', task: 't2' })).toBe(false);
    expect(matches(event({}), { agent: 'worker-1' })).toBe(false);
  });
});

describe('a long history', () => {
  const all = Array.from({ length: 2_500 }, (_, index) =>
    event({ id: 2 * index + 1, at: new Date(1_000 * index).toISOString(), agent: index % 2 === 0 ? 'worker-1' : null }),
  );
  const asked: number[] = [];
  const client = {
    eventsAfter: (id: number, limit: number) => {
      asked.push(id);
      return Promise.resolve(all.filter((one) => one.id > id).slice(0, limit));
    },
  };
  const signal = new AbortController().signal;
  const read = (since: { id: number; at: number }, most: number, agent?: string) =>
    readHistory(client, since, { agent }, most, signal);

  it('is read page by page to its end', async () => {
    const { events, last } = await read({ id: 0, at: 0 }, Number.POSITIVE_INFINITY);
    expect(events).toEqual(all);
    expect(last).toBe(4_999);
    expect(asked).toEqual([0, 1_999, 3_999]);
  });

  it('gives the last of those that match, and tells where it ended whatever matched', async () => {
    expect((await read({ id: 0, at: 0 }, 2, 'worker-1')).events.map(({ id }) => id)).toEqual([4_993, 4_997]);
    expect(await read({ id: 0, at: 0 }, 0)).toEqual({ events: [], last: 4_999 });
    expect((await read({ id: 0, at: 2_498_000 }, 100)).events.map(({ id }) => id)).toEqual([4_997, 4_999]);
    expect(await read({ id: 9_000, at: 0 }, 100)).toEqual({ events: [], last: 9_000 });
  });
});

describe('scale', () => {
  const worker = (n: number, status: Agent['status'], role = 'worker'): Agent =>
    ({ id: `${role}-${n}`, role, status }) as Agent;

  it('names the agents that start, and counts workers alone', () => {
    const change = changeOf(
      [worker(1, 'idle'), worker(1, 'idle', 'reviewer')],
      [worker(1, 'idle'), worker(2, 'starting'), worker(1, 'idle', 'reviewer')],
      2,
    );
    expect(change).toEqual({ before: 1, after: 2, started: ['worker-2'], stopped: [] });
    expect(scaleText(change)).toBe('workers: 1 → 2; worker-2 starts');
  });

  it('names the agents that stop, and that nothing of theirs is lost', () => {
    const change = changeOf(
      [worker(1, 'idle'), worker(2, 'working'), worker(3, 'paused')],
      [worker(1, 'idle'), worker(2, 'stopping'), worker(3, 'stopped')],
      1,
    );
    expect(scaleText(change)).toBe('workers: 3 → 1; worker-2, worker-3 stop (worktrees and conversations stay)');
  });

  it('one that was told to stop and still does so is among those that come', () => {
    const change = changeOf(
      [worker(1, 'stopping'), worker(2, 'idle')],
      [worker(1, 'stopping'), worker(2, 'idle'), worker(3, 'starting')],
      3,
    );
    expect(scaleText(change)).toBe('workers: 1 → 3; worker-1, worker-3 start');
  });

  it('says when nothing changes', () => {
    expect(scaleText(changeOf([worker(1, 'idle')], [worker(1, 'working')], 1))).toBe('1 worker, as before');
  });
});
