import { expect, test } from 'vitest';
import { callOf } from '../../../src/supervisor/ladder/limit-call.ts';
import { crossings, type Limits, type Taken } from '../../../src/health/index.ts';

const NONE: Limits = { memory: {}, processes: {}, turn: {}, usd: {}, tokens: {} };
const NOTHING: Taken = { memory: null, processes: null, turn: null, usd: null, tokens: null };
const GIB = 2 ** 30;

test.each<[string, Partial<Taken>, Partial<Limits>, string[]]>([
  ['no limit, no crossing', { memory: 900 * GIB }, {}, []],
  ['at the limit is not above it', { processes: 10 }, { processes: { soft: 10 } }, []],
  [
    'soft',
    { memory: 3 * GIB },
    { memory: { soft: 2 * GIB, hard: 4 * GIB } },
    ['soft: the memory of its processes is 3GiB, more than 2GiB'],
  ],
  [
    'hard says what is hard',
    { memory: 5 * GIB },
    { memory: { soft: 2 * GIB, hard: 4 * GIB } },
    ['hard: the memory of its processes is 5GiB, more than 4GiB'],
  ],
  ['a turn', { turn: 7_200_000 }, { turn: { soft: 3_600_000 } }, ['soft: the length of its turn is 2h, more than 1h']],
  ['money', { usd: 12.345 }, { usd: { hard: 10 } }, ['hard: what it cost today is $12.35, more than $10.00']],
  ['what is not known', {}, { tokens: { soft: 1 } }, []],
])('%s', (_title, taken, limits, expected) => {
  const found = crossings({ ...NOTHING, ...taken }, { ...NONE, ...limits });
  expect(found.map(({ how, text }) => `${how}: ${text}`)).toEqual(expected);
});

test('what a hard limit calls for', () => {
  const call = (limit: 'memory' | 'processes' | 'turn' | 'usd', how: 'soft' | 'hard' = 'hard') =>
    callOf({ limit, how, text: '' }, 7);
  expect(call('memory')).toEqual({ cause: 'memory', at: 7, least: 'restart' });
  expect(call('processes')).toMatchObject({ least: 'interrupt' });
  expect(call('turn')).toMatchObject({ least: 'interrupt' });
  expect([call('usd'), call('memory', 'soft')]).toEqual([null, null]);
});
