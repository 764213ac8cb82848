import { expect, test } from 'vitest';
import type { Progress } from '../../../scripts/suites/progress.ts';
import { tallyOf } from '../../../scripts/suites/tally.ts';

const ROOT = '/home/ada/swarm';
const planned: Progress = { is: 'planned', files: ['a.test.ts', 'b.test.ts'] };
const collected: Progress = { is: 'collected', file: 'a.test.ts', tests: 3 };
const begun = (name: string, at = 0): Progress => ({ is: 'begun', file: 'a.test.ts', name, at });
const ended = (name: string, state: 'passed' | 'failed' | 'skipped', ...why: string[]): Progress[] => [
  begun(name),
  { is: 'ended', file: 'a.test.ts', name, state, why },
];
const over: Progress = { is: 'over', reason: 'passed', why: [] };
const tally = (outcome: 'ok' | 'failed' | 'over budget' | 'interrupted', ...progress: Progress[]) =>
  tallyOf(outcome, progress, ROOT, 61_500);

test('a run that came to its end is its tests', () => {
  expect(tally('ok', planned, collected, ...ended('one', 'passed'), ...ended('two', 'passed'), over)).toEqual({
    passed: 2,
    failed: 0,
    note: '2 passed',
    failures: [],
  });
});

test('a failed test is told with the beginning of why', () => {
  const why = `Error: no\n    at file (${ROOT}/a.test.ts:1:1)\n    at run (${ROOT}/node_modules/vitest/x.js:1:1)`;
  const { passed, failed, failures } = tally('failed', planned, ...ended('one', 'failed', why), over);
  expect({ passed, failed }).toEqual({ passed: 0, failed: 1 });
  expect(failures).toEqual(['a.test.ts: one\n  Error: no\n      at file (a.test.ts:1:1)']);
});

test('what was skipped has not passed', () => {
  const { failed, note } = tally('ok', planned, ...ended('one', 'passed'), ...ended('two', 'skipped'), over);
  expect({ failed, note }).toEqual({ failed: 1, note: '1 passed, 1 skipped, which counts as failed' });
});

test('a run that was cut short names what was under way, for how long, and what is left', () => {
  const hook: Progress[] = [begun('beforeAll'), { is: 'hook ended', file: 'a.test.ts', name: 'beforeAll' }];
  const cut = tally('over budget', planned, ...hook, collected, ...ended('one', 'passed'), begun('two', 60_000));
  expect(cut).toEqual({
    passed: 1,
    failed: 1,
    note: 'over budget, 1 passed, not run to their end: 2 tests and 1 files, under way: a.test.ts: two',
    failures: ['a.test.ts: two\n  over budget after 1.5 s of it'],
  });
});

test('a hook that hangs is named as a test is', () => {
  expect(tally('over budget', planned, begun('beforeAll')).note).toContain('under way: a.test.ts: beforeAll');
});

test.each([
  ['vitest never came to its tests', 'failed', [], 'broken off, 0 passed, no test had begun'],
  ['vitest died', 'failed', [planned, collected], 'broken off, 0 passed, not run to their end: 3 tests and 1 files'],
  ['nothing was to be run', 'ok', [planned, over], '0 passed, no test ran'],
  [
    'it failed outside of a test',
    'failed',
    [planned, ...ended('one', 'passed'), over],
    '1 passed, failed outside of a test',
  ],
] as const)('%s: one failure', (_what, outcome, progress, note) => {
  expect(tally(outcome, ...progress)).toMatchObject({ failed: 1, note });
});

test('a file that cannot be read, and an error that belongs to no test, are told', () => {
  const broken: Progress = { is: 'file failed', file: 'b.test.ts', why: ['SyntaxError: oh'] };
  const { failures } = tally('failed', planned, broken, { is: 'over', reason: 'failed', why: ['Error: late'] });
  expect(failures).toEqual(['b.test.ts\n  SyntaxError: oh', 'outside of the tests\n  Error: late']);
});
