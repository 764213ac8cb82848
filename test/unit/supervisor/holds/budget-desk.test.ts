import { expect, test } from 'vitest';
import { NEW_LEDGER, NOBODY_DIED } from '../../../../src/health/index.ts';
import { BudgetDesk } from '../../../../src/supervisor/holds/budget-desk.ts';
import type { HoldsNote } from '../../../../src/supervisor/holds/holds-memory.ts';
import { events, record, says, snapshot, Time } from '../kit.ts';

function desk(per: 'day' | 'run', spentUsd: number) {
  const time = new Time();
  const seen = events();
  const note: HoldsNote = { run: '', ledger: NEW_LEDGER, heard: {}, accounts: {}, mortality: NOBODY_DIED };
  const one = new BudgetDesk({ note, budget: () => ({ usd: 5, per, warnAt: 0.8 }), events: seen.log, now: time.now });
  const worker = record();
  const { usage } = snapshot('worker-1');
  says(worker, snapshot('worker-1', { usage: { ...usage, costUsd: spentUsd } }), time.now());
  one.book(worker);
  return { one, seen };
}

test.each([
  ['day', 'midnight'],
  ['run', '`swarm down`'],
] as const)('a grant above the budget of a %s is answered with its amount, and its end', (per, end) => {
  const { one, seen } = desk(per, 6);
  const said = `5.00 USD more: the agents go on until 11.00 USD are spent in this ${per}; that holds until ${end}`;
  expect(one.grant('worker-1')).toBe(said);
  expect(seen.all.find(({ name }) => name === 'budget.raised')?.data).toMatchObject({ limitUsd: 11, text: said });
  expect(one.grant('worker-1'), 'only once').toBeNull();
});

test('nothing is granted of a budget that is not spent', () => {
  expect(desk('day', 1).one.grant('worker-1')).toBeNull();
});
