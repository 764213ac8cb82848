import { describe, expect, test } from 'vitest';
import { AlertBook, conditionsOf, isAtLeast, type Condition, type Observed } from '../../../src/health/alerts.ts';
import type { AgentStatus } from '../../../src/domain/agent.ts';

const NOW = Date.UTC(2030, 0, 1);
const well = { state: 'up', since: 0, reason: null };

function agent(status: AgentStatus, lastedMs = 0, reason: string | null = null): Observed['agents'][number] {
  return { id: 'worker-1', status, since: new Date(NOW - lastedMs).toISOString(), reason };
}

const found = (one: Observed['agents'][number]): string[] =>
  conditionsOf({ agents: [one], broker: well, refused: null }, NOW).map(({ severity, text }) => `${severity}: ${text}`);

describe('what is wrong', () => {
  test.each([
    ['failed', 0, 'died 6 times', ['critical: worker-1 has failed: died 6 times']],
    ['stuck', 0, null, ['warning: worker-1 is stuck']],
    ['needs-you', 0, 'question: Tabs?', ['warning: worker-1 needs you: question: Tabs?']],
    ['recovering', 59_999, null, []],
    ['recovering', 60_000, null, ['warning: worker-1 does not come back']],
    ['unknown', 29_999, null, []],
    ['unknown', 30_000, null, ['warning: worker-1 cannot be judged']],
    ['held', 0, 'rate-limit: until noon', []],
    ['held', 0, 'auth: log in', []],
    ['working', 3_600_000, null, []],
    ['idle', 3_600_000, null, []],
    ['stopped', 3_600_000, null, []],
  ] as const)('%s for %i ms (%s): %j', (status, lasted, reason, expected) => {
    expect(found(agent(status, lasted, reason))).toEqual(expected);
  });

  test('a broker that is away, once it has been away for a while', () => {
    const broker = (state: string, since: number): number =>
      conditionsOf({ agents: [], broker: { state, since, reason: null }, refused: null }, NOW).length;
    expect([broker('up', 0), broker('down', NOW - 29_999), broker('down', NOW - 30_000)]).toEqual([0, 0, 1]);
  });
});

describe('telling it', () => {
  const stuck: Condition = { key: 'agent.stuck.worker-1', severity: 'warning', agent: 'worker-1', text: 'for 10m' };

  test('once, in whatever words it goes on, and its end once', () => {
    const book = new AlertBook();
    expect(book.update([stuck], 0)).toEqual([{ ...stuck, since: 0, state: 'raised', at: 0 }]);
    const worse = { ...stuck, text: 'for 11m' };
    expect(book.update([worse], 60_000)).toEqual([]);
    expect(book.open).toEqual([{ ...worse, since: 0 }]);
    expect(book.update([], 70_000)).toEqual([{ ...worse, since: 0, state: 'recovered', at: 70_000 }]);
    expect(book.update([], 80_000)).toEqual([]);
  });

  test('what goes for a moment and comes back is the same trouble', () => {
    const book = new AlertBook();
    book.update([stuck], 0);
    expect(book.update([], 9_999)).toEqual([]);
    expect(book.update([stuck], 15_000)).toEqual([]);
    expect(book.update([], 24_999)).toEqual([]);
    expect(book.update([], 25_000).map(({ state }) => state)).toEqual(['recovered']);
  });

  test('a clock that is set back ends nothing and keeps nothing open for ever', () => {
    const book = new AlertBook();
    book.update([stuck], 1_000_000);
    expect(book.update([stuck], 0)).toEqual([]);
    expect(book.update([], 10_000).map(({ state }) => state)).toEqual(['recovered']);
  });
});

test('severities are ordered', () => {
  expect([isAtLeast('info', 'warning'), isAtLeast('warning', 'warning'), isAtLeast('critical', 'warning')]).toEqual([
    false,
    true,
    true,
  ]);
});
