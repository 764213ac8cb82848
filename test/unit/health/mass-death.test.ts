import { describe, expect, test } from 'vitest';
import {
  died,
  massDeath,
  NOBODY_DIED,
  proving,
  type MassDeathRules,
  type Mortality,
} from '../../../src/health/mass-death.ts';

const RULES: MassDeathRules = {
  withinMs: 10_000,
  repeats: 3,
  windowMs: 600_000,
  waitMs: 2_000,
  waitMaxMs: 60_000,
  aliveMs: 10_000,
};

const one = (before: Mortality, agent: string, at: number, explained: boolean, total = 4): Mortality =>
  died(before, { agent, at, detail: 'signal 9', explained }, total, RULES);

/** All four at the same moment. */
const all = (before: Mortality, at: number, explained: boolean): Mortality =>
  ['a', 'b', 'c', 'd'].reduce((state, agent) => one(state, agent, at, explained), before);

const there = (...up: (number | null)[]) => ['a', 'b', 'c', 'd'].map((id, i) => ({ id, upSince: up[i] ?? null }));

test.each([
  [2, 2, false],
  [3, 3, true],
  [3, 6, true],
  [3, 7, false],
  [15, 30, true],
])('%d of %d dead within one interval: %s', (dead, total, expected) => {
  expect(massDeath(dead, total)).toBe(expected);
});

describe('many die at once', () => {
  test('for no known reason: nobody is started again, and it says who died and how', () => {
    const { hold } = all(NOBODY_DIED, 0, false);
    expect(hold).toMatchObject({ since: 0, until: 2_000 });
    expect(hold?.detail).toContain('3 of 4 agents died at once (a, b, c; last: signal 9)');
  });

  test('one after the other, or the same one again, is no mass death', () => {
    let state = NOBODY_DIED;
    for (const [i, agent] of ['a', 'b', 'c', 'd', 'a', 'b'].entries()) state = one(state, agent, i * 5_001, false);
    for (let at = 40_000; at < 45_000; at += 100) state = one(state, 'a', at, false);
    expect(state.hold).toBeNull();
  });

  test('the end of the tmux server is simply mended, three times; the fourth within the window holds', () => {
    let state = NOBODY_DIED;
    for (const at of [0, 20_000, 40_000]) {
      state = all(state, at, true);
      expect(state.hold).toBeNull();
    }
    expect(all(state, 700_000, true).hold).toBeNull();
    expect(all(state, 60_000, true).hold?.detail).toMatch(/the tmux server ended 4 times within 10 min/);
  });

  test('deaths that the server explains do not hide those that it does not', () => {
    const state = all(NOBODY_DIED, 0, true);
    expect(all(state, 5_000, false).hold).not.toBeNull();
  });
});

describe('one is started to see', () => {
  const held = all(NOBODY_DIED, 0, false);

  test('after the wait, and when it has lived long enough the hold is over', () => {
    expect(proving(held, there(), 1_999, RULES)).toBe(held);
    const trying = proving(held, there(), 2_000, RULES);
    expect(trying.hold?.probe).toEqual({ agent: 'a', since: 2_000 });
    expect(proving(trying, there(3_000), 12_999, RULES)).toBe(trying);
    expect(proving(trying, there(3_000), 13_000, RULES).hold).toBeNull();
  });

  test('when it dies too the next is tried later and later', () => {
    let state = held;
    const waits: number[] = [];
    for (let i = 0, now = 2_000; i < 7; i += 1) {
      state = one(proving(state, there(), now, RULES), 'a', now, false);
      waits.push((state.hold?.until ?? 0) - now);
      now = state.hold?.until ?? 0;
    }
    expect(waits).toEqual([4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('one that is stopped meanwhile makes room for another', () => {
    const trying = proving(held, there(), 2_000, RULES);
    expect(proving(trying, there().slice(1), 2_000, RULES).hold?.probe?.agent).toBe('b');
  });
});
