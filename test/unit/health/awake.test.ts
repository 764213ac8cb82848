import { describe, expect, test } from 'vitest';
import { awakeSince, GapWatch } from '../../../src/health/index.ts';

const NOW = 1_000_000;

describe('time that counts', () => {
  test.each([
    ['nothing happened', 900_000, [], 100_000],
    ['a sleep in between', 900_000, [{ end: 950_000, ms: 40_000 }], 60_000],
    ['a sleep before', 900_000, [{ end: 890_000, ms: 40_000 }], 100_000],
    [
      'two sleeps',
      900_000,
      [
        { end: 950_000, ms: 40_000 },
        { end: 980_000, ms: 20_000 },
      ],
      40_000,
    ],
    ['slept all the time', 900_000, [{ end: NOW, ms: 100_000 }], 0],
    [
      'the clock was set back: what is seen in the future was before',
      1_030_000,
      [{ end: 990_000, ms: -60_000 }],
      30_000,
    ],
    ['a clock that is ahead of ours', 1_000_500, [], 0],
  ])('%s', (_title, at, gaps, expected) => {
    expect(awakeSince(at, NOW, gaps)).toBe(expected);
  });
});

describe('gaps', () => {
  test('looks of every second, or more often, find none', () => {
    const watch = new GapWatch();
    for (const now of [0, 1000, 1100, 1200, 3200, 7000]) expect(watch.look(now)).toBeNull();
    expect(watch.gaps).toEqual([]);
  });

  test('a night is one, and what follows is none', () => {
    const watch = new GapWatch();
    watch.look(0);
    expect(watch.look(3_600_000)).toEqual({ end: 3_600_000, ms: 3_599_000 });
    expect(watch.look(3_601_000)).toBeNull();
    expect(watch.gaps).toHaveLength(1);
  });

  test('a clock that was set back is one below zero', () => {
    const watch = new GapWatch();
    watch.look(3_600_000);
    expect(watch.look(1000)?.ms).toBe(-3_600_000);
    expect(watch.look(2000)).toBeNull();
  });
});
