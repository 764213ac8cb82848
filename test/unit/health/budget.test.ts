import { describe, expect, test } from 'vitest';
import { booked, inPeriod, NEW_LEDGER, periodOf, standing } from '../../../src/health/budget.ts';
import { degradedOf } from '../../../src/health/degraded.ts';

const BUDGET = { usd: 10, warnAt: 0.8 };

describe('the money of all agents', () => {
  test('what totals grow by is counted once, also when a total was forgotten', () => {
    let ledger = booked(booked(inPeriod(NEW_LEDGER, 'run 1'), 'a', 2), 'b', 1);
    expect(ledger.spentUsd).toBe(3);
    ledger = booked(ledger, 'a', 2);
    // The store had not kept its last total.
    ledger = booked(ledger, 'a', 1.5);
    ledger = booked(ledger, 'a', 4);
    expect(ledger.spentUsd).toBe(5.5);
  });

  test.each([
    [7.99, 'well', 2.01],
    [8, 'warned', 2],
    [10, 'spent', 0],
    [11, 'spent', 0],
  ])('%d of 10 USD: %s', (spentUsd, state, leftUsd) => {
    expect(standing({ ...NEW_LEDGER, spentUsd }, BUDGET)).toMatchObject({ state, limitUsd: 10 });
    expect(standing({ ...NEW_LEDGER, spentUsd }, BUDGET)?.leftUsd).toBeCloseTo(leftUsd);
  });

  test('what a person grants comes on top, until the period ends', () => {
    const granted = { ...NEW_LEDGER, period: '2030-01-01', spentUsd: 11, grantedUsd: 11 };
    expect(standing(granted, BUDGET)).toMatchObject({ state: 'well', limitUsd: 21 });
    expect(inPeriod(granted, '2030-01-01')).toBe(granted);
    expect(inPeriod(granted, '2030-01-02')).toMatchObject({ spentUsd: 0, grantedUsd: 0 });
    expect(standing(granted, { usd: undefined, warnAt: 0.8 })).toBeNull();
  });

  test('a day ends at midnight here, a run with `down`', () => {
    const late = new Date(2030, 0, 9, 23, 59).getTime();
    expect([periodOf('day', 'x', late), periodOf('day', 'x', late + 60_000)]).toEqual(['2030-01-09', '2030-01-10']);
    expect(periodOf('run', 'x', late)).toBe('run x');
  });
});

describe('what does not work', () => {
  const well = { broker: { state: 'up', since: 0, reason: null }, tmux: null, store: null, holds: [] };

  test('nothing is said while all is well, or on its way', () => {
    expect(degradedOf(well)).toEqual([]);
    expect(degradedOf({ ...well, broker: { state: 'starting', since: 0, reason: null } })).toEqual([]);
  });

  test('each part that fails is named, with since when', () => {
    const bad = degradedOf({
      broker: { state: 'down', since: 0, reason: 'connection refused' },
      tmux: { probe: 'tmux', message: 'no answer', since: 1_000 },
      store: { since: 2_000, message: 'the disk is full' },
      holds: ['account held: rate limit, until noon'],
    });
    expect(bad).toEqual([
      'broker down since 1970-01-01T00:00:00.000Z: connection refused',
      'tmux cannot be asked since 1970-01-01T00:00:01.000Z: no answer',
      'store cannot write since 1970-01-01T00:00:02.000Z: the disk is full',
      'account held: rate limit, until noon',
    ]);
  });
});
