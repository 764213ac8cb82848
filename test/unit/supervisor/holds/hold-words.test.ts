import { expect, test } from 'vitest';

import type { AccountHold } from '../../../../src/health/account.ts';
import { failed, FREE } from '../../../../src/health/account.ts';
import { accountRules } from '../../../../src/supervisor/holds/accounts.ts';
import { holdConditions, massDeathBrief } from '../../../../src/supervisor/holds/hold-words.ts';
import { config } from '../kit.ts';

const MINUTE = 60_000;
const at = Date.parse('2026-01-02T03:04:05Z');
const hold: AccountHold = {
  kind: 'overload',
  since: at,
  until: at + MINUTE,
  detail: 'server_error: 500',
  tries: 1,
  probe: null,
  prefer: null,
  last: null,
};

test.each([
  ['auth', 'run `claude`, then /login'],
  ['rate-limit', 'All agents wait until 2026-01-02T03:05:05.000Z; `swarm resume AGENT` has it try now'],
  ['overload', 'one tries at 2026-01-02T03:05:05.000Z, `swarm resume AGENT` has it try now'],
] as const)('the alert of %s says until when all wait, and what a person can do', (kind, words) => {
  expect(holdConditions('default', { ...hold, kind }).map(({ text }) => text)).toEqual([
    expect.stringContaining(words),
  ]);
});

test('the head of status says when one is started again after many deaths at once', () => {
  const many = { since: at, until: at + MINUTE, detail: '3 of 3 agents died at once', tries: 1, probe: null };
  expect(massDeathBrief(many)).toBe(
    'mass death hold since 2026-01-02T03:04:05.000Z, one is started at 2026-01-02T03:05:05.000Z: 3 of 3 agents died at once',
  );
  expect(massDeathBrief({ ...many, probe: { agent: 'worker-2', since: at } })).toContain(
    ', worker-2 is started to see: ',
  );
});

test('one agent alone opens the breaker, though Claude Code tries for three minutes before each failure', () => {
  const rules = accountRules(config({}));
  let account = FREE;
  for (let turn = 1; turn <= 3; turn += 1) {
    const failure = { agent: 'worker-1', kind: 'overload', detail: '500', resetAt: null } as const;
    account = failed(account, { ...failure, at: at + turn * 4 * MINUTE }, rules, () => 0.5);
  }
  expect(account.hold?.kind).toBe('overload');
});
