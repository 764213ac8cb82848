import { describe, expect, test } from 'vitest';
import {
  died,
  massDeath,
  mortalityMoved,
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

const there = (...up: (number | null)[]) =>
  ['a', 'b', 'c', 'd'].map((id, i) => ({ id, able: true, upSince: up[i] ?? null }));
const unable = (...ids: string[]) => there().map((agent) => ({ ...agent, able: !ids.includes(agent.id) }));

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
  test('for no known reason: no agent is started again, and it says which ones died and how', () => {
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
    const tried: string[] = [];
    for (let i = 0, now = 2_000; i < 7; i += 1) {
      state = proving(state, there(), now, RULES);
      const probe = state.hold?.probe?.agent ?? '';
      tried.push(probe);
      state = one(state, probe, now, false);
      waits.push((state.hold?.until ?? 0) - now);
      now = state.hold?.until ?? 0;
    }
    expect(waits).toEqual([4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    // No agent's own restarts are used up.
    expect(tried).toEqual(['a', 'b', 'c', 'd', 'a', 'b', 'c']);
  });

  test('one that is stopped meanwhile makes room for another', () => {
    const trying = proving(held, there(), 2_000, RULES);
    expect(proving(trying, there().slice(1), 2_000, RULES).hold?.probe?.agent).toBe('b');
  });

  test('a clock that is set back makes no agent wait for longer', () => {
    const HOUR = 3_600_000;
    const late = all(NOBODY_DIED, 2 * HOUR, false);
    const trying = proving(mortalityMoved(late, -HOUR), there(), HOUR + 2_000, RULES);
    expect(trying.hold?.probe?.agent).toBe('a');
    const moved = mortalityMoved(trying, -HOUR);
    expect(proving(moved, there(3_000), 13_000, RULES).hold).toBeNull();
    // Two earlier deaths do not make a much later third one the last of an episode.
    const two = mortalityMoved(one(one(NOBODY_DIED, 'a', HOUR, false), 'b', HOUR, false), -HOUR);
    expect(one(two, 'c', 10_000, false).hold).toBeNull();
  });

  test('one that no start can help is not asked, nor stays the one when it comes to that', () => {
    expect(proving(held, unable('a'), 2_000, RULES).hold?.probe?.agent).toBe('b');
    const trying = proving(held, there(), 2_000, RULES);
    expect(proving(trying, unable('a'), 2_100, RULES).hold?.probe).toEqual({ agent: 'b', since: 2_100 });
    expect(proving(trying, unable('a', 'b', 'c', 'd'), 2_100, RULES).hold).toBeNull();
  });

  test('one that does not come up makes room for the next after a minute, and for itself after all', () => {
    let state = held;
    const tried: (string | undefined)[] = [];
    for (let now = 2_000; now <= 242_000; now += 60_000) {
      state = proving(state, there(), now, RULES);
      expect(proving(state, there(), now + 59_999, RULES)).toBe(state);
      tried.push(state.hold?.probe?.agent);
    }
    expect(tried).toEqual(['a', 'b', 'c', 'd', 'a']);
  });
});
