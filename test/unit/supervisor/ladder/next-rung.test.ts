import { describe, expect, test } from 'vitest';
import { type Gap } from '../../../../src/health/index.ts';
import {
  nextRung,
  type LadderCall,
  type LadderFacts,
  type LadderRules,
  type LadderState,
} from '../../../../src/supervisor/ladder/next-rung.ts';

const RULES: LadderRules = {
  note: 0,
  nudge: 30_000,
  interrupt: 120_000,
  restart: 120_000,
  rollback: 300_000,
  reassign: 300_000,
  fail: 300_000,
};
const FACTS: LadderFacts = {
  kind: 'claude',
  task: 't1',
  left: false,
  works: true,
  typing: false,
  linked: true,
  busy: false,
  another: true,
  advancedAt: null,
  stuckAfterMs: 60_000,
};
const hang = (at: number): LadderCall => ({ cause: 'hang-api', at });

/** An agent that is stuck from 0 on, second by second: the rungs that are taken, and when. */
function climb(
  seconds: number,
  {
    rules = RULES,
    facts = FACTS,
    call = hang,
    gaps = [] as Gap[],
  }: {
    rules?: LadderRules;
    facts?: LadderFacts;
    call?: (now: number) => LadderCall | null;
    gaps?: Gap[];
  } = {},
): string[] {
  const taken: string[] = [];
  let state: LadderState | null = null;
  for (let now = 0; now <= seconds * 1000; now += 1000) {
    const step = nextRung(state, call(now), facts, rules, now, gaps);
    if (step === null) continue;
    state = step.do === 'reset' ? null : step.state;
    if (step.do === 'rung') taken.push(`${step.rung} ${now / 1000}`);
    if (step.do === 'reset') taken.push(`reset ${now / 1000}`);
  }
  return taken;
}

describe('the ladder', () => {
  test('is climbed from the gentlest rung on, each after its time', () => {
    expect(climb(3600)).toEqual([
      'note 0',
      'nudge 30',
      'interrupt 150',
      'restart 270',
      'rollback 570',
      'reassign 870',
      'fail 1170',
    ]);
  });

  test('leaves out what is switched off, and its time with it', () => {
    expect(climb(3600, { rules: { ...RULES, nudge: null, rollback: null, fail: null } })).toEqual([
      'note 0',
      'interrupt 120',
      'restart 240',
      'reassign 540',
    ]);
  });

  test('leaves out what is not possible', () => {
    expect(climb(3600, { facts: { ...FACTS, task: null, another: false } }).map((rung) => rung.split(' ')[0])).toEqual([
      'note',
      'nudge',
      'interrupt',
      'restart',
      'fail',
    ]);
    expect(climb(3600, { facts: { ...FACTS, linked: false } })[1]).toBe('restart 120');
    expect(climb(3600, { facts: { ...FACTS, another: false } })).not.toContainEqual(expect.stringMatching('reassign'));
  });

  test('does no more than note it of a program that runs by itself', () => {
    expect(climb(36_000, { facts: { ...FACTS, kind: 'shell' } })).toEqual(['note 0']);
  });

  test.each([
    ['a person is typing', { typing: true }],
    ['a step is under way', { busy: true }],
  ])('waits while %s', (_title, more) => {
    expect(climb(3600, { facts: { ...FACTS, ...more } })).toEqual([]);
  });

  test('takes no rung while nothing is wrong, and goes on where it was when it is wrong again', () => {
    const wrongFor = (now: number): LadderCall | null => (now < 200_000 || now >= 800_000 ? hang(now) : null);
    expect(climb(810, { call: wrongFor })).toEqual(['note 0', 'nudge 30', 'interrupt 150', 'restart 800']);
  });

  test('begins anew once the agent has done something new, not because of what the rungs made it do', () => {
    const wrongFor = (now: number): LadderCall | null => (now < 200_000 || now >= 800_000 ? hang(now) : null);
    expect(climb(801, { call: wrongFor, facts: { ...FACTS, advancedAt: 100_000 } })).toContain('restart 800');
    expect(climb(801, { call: wrongFor, facts: { ...FACTS, advancedAt: 180_000 } })).toEqual([
      'note 0',
      'nudge 30',
      'interrupt 150',
      'reset 320',
      'note 800',
    ]);
  });

  test('goes on where it was with an agent that begins with something new after each rung, and comes to nothing', () => {
    // One new step at once, then silence, which is found to be one after a minute.
    const rules = { note: 0, nudge: null, interrupt: 0, restart: 0, rollback: 0, reassign: 0, fail: 0 };
    const taken: string[] = [];
    let state: LadderState | null = null;
    let began = 0;
    for (let now = 0; now <= 2_000_000; now += 1000) {
      const call = now - began >= 60_000 ? hang(now) : null;
      const step = nextRung(state, call, { ...FACTS, advancedAt: began <= now ? began : null }, rules, now);
      if (step === null) continue;
      state = step.do === 'reset' ? null : step.state;
      if (step.do !== 'wait') taken.push(step.do === 'rung' ? step.rung : step.do);
      // A restart takes its time, longer than a trouble takes to be over.
      if (step.do === 'rung' && step.rung !== 'note') began = now + 150_000;
    }
    expect(taken).toEqual(['note', 'interrupt', 'restart', 'rollback', 'reassign', 'fail']);
  });

  test('a word needs no more than one new step to be over: nothing was begun anew because of it', () => {
    const wrongFor = (now: number): LadderCall | null => (now < 40_000 ? hang(now) : null);
    expect(climb(801, { call: wrongFor, facts: { ...FACTS, advancedAt: 39_500 } })).toEqual([
      'note 0',
      'nudge 30',
      'reset 40',
    ]);
  });

  test('remembers when the trouble began, not when it was found or came back', () => {
    const found = nextRung(null, { ...hang(60_000), since: 0 }, FACTS, RULES, 60_000);
    expect(found).toMatchObject({ do: 'rung', rung: 'note', state: { since: 0, at: 60_000 } });
    const state: LadderState = { task: 't1', cause: 'hang-api', since: 0, rung: 'interrupt', at: 60_000 };
    expect(nextRung(state, { ...hang(600_000), since: 500_000 }, FACTS, RULES, 600_000)).toMatchObject({
      do: 'rung',
      rung: 'restart',
      state: { since: 0 },
    });
  });

  test('begins anew with another task', () => {
    const state: LadderState = { task: 't1', cause: 'loop', since: 0, rung: 'interrupt', at: 0 };
    expect(nextRung(state, hang(1000), { ...FACTS, task: 't2', left: true }, RULES, 1000)).toEqual({ do: 'reset' });
  });

  test('a loop that is not seen to go on gets no further rung', () => {
    const once = (now: number): LadderCall => ({ cause: 'loop', at: Math.min(now, 40_000) });
    expect(climb(3600, { call: once })).toEqual(
      ['note 0', 'nudge 30', 'interrupt 150'].slice(0, 2).concat('interrupt 150'),
    );
  });

  test('a night in between counts for nothing', () => {
    const gaps = [{ end: 3_000_000, ms: 2_990_000 }];
    const call = (now: number): LadderCall | null => (now <= 10_000 || now >= 3_000_000 ? hang(now) : null);
    expect(climb(3100, { call, gaps })).toEqual(['note 0', 'nudge 3020']);
  });

  test('a hard limit begins where gentler rungs are no use, and is not forgotten with the next new step', () => {
    const call = (now: number): LadderCall => ({ cause: 'memory', at: now, least: 'restart' });
    const advancing = { ...FACTS, advancedAt: 10_000_000 };
    expect(climb(1000, { call, facts: advancing })).toEqual(['restart 0', 'rollback 300', 'reassign 600', 'fail 900']);
  });

  describe('of a command that crosses a hard limit', () => {
    const shell: LadderFacts = { ...FACTS, kind: 'shell' };
    const over = (now: number): LadderCall => ({ cause: 'memory', at: now, least: 'restart' });

    test('ends the command, and whatever does not end with it', () => {
      expect(climb(3600, { call: over, facts: shell })).toEqual(['interrupt 0', 'restart 120', 'fail 420']);
      const processes = (now: number): LadderCall => ({ cause: 'processes', at: now, least: 'interrupt' });
      expect(climb(1, { call: processes, facts: shell })).toEqual(['interrupt 0']);
    });

    test('ends each further one as well, as often as its task may be tried', () => {
      const runs = (now: number): LadderCall | null => (now % 60_000 < 5_000 ? over(now) : null);
      expect(climb(130, { call: runs, facts: shell })).toEqual([
        'interrupt 0',
        'reset 5',
        'interrupt 60',
        'reset 65',
        'interrupt 120',
        'reset 125',
      ]);
    });
  });

  test('a turn without a task that was too long is over with the turn: the next one begins anew', () => {
    const DAY = 86_400_000;
    const idle: LadderFacts = { ...FACTS, task: null, works: false };
    const taken: string[] = [];
    let state: LadderState | null = null;
    const see = (call: LadderCall | null, facts: LadderFacts, now: number): void => {
      const step = nextRung(state, call, facts, RULES, now);
      if (step === null) return;
      state = step.do === 'reset' ? null : step.state;
      if (step.do === 'rung') taken.push(step.rung);
    };
    for (let day = 0; day < 4; day += 1) {
      see({ cause: 'turn', at: day * DAY, least: 'interrupt' }, { ...idle, works: true }, day * DAY);
      for (let hour = 1; hour < 24; hour += 1) see(null, idle, day * DAY + hour * 3_600_000);
    }
    expect(taken).toEqual(['interrupt', 'interrupt', 'interrupt', 'interrupt']);
  });
});
