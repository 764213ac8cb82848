import { expect, test } from 'vitest';
import { Judge } from '../../../../src/supervisor/watch/judge.ts';
import { events, record, says, snapshot, Time } from '../kit.ts';

test('explain gives the status with the rule that fired and the facts in the order of trust', async () => {
  const time = new Time();
  const seen = events();
  const judge = new Judge({
    limits: () => ({ stuckAfterMs: 60_000, longestCommandMs: 600_000, loopAfter: 6 }),
    gaps: () => [],
    events: seen.log,
    now: time.now,
    probeError: () => null,
  });
  const worker = record();
  worker.lifecycle = { phase: 'up', since: time.now() };
  worker.observed.linked = true;
  says(worker, snapshot('worker-1', { turn: 'idle' }), time.now());
  time.pass(1_500);
  const explained = judge.explain(worker, 'up');
  expect(explained).toMatchObject({ agent: 'worker-1', status: 'idle', rule: 'free', reason: null, until: null });
  expect(explained.facts.map(({ fact }) => fact).slice(0, 3)).toEqual(['desired', 'lifecycle', 'link']);
  expect(explained.facts.find(({ fact }) => fact === 'snapshot')?.ageMs).toBe(1_500);
  expect(worker.verdict.status, 'what is explained is what status shows').toBe('idle');
});
