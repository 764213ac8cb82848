import { expect, test } from 'vitest';
import { ModelPermits } from '../../../../src/wrapper/claude/model-permit.ts';
import { AgentState } from '../../../../src/wrapper/contract/state.ts';
import { snapshot } from '../../supervisor/kit.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';

test.each([
  ['back', -3_600_000],
  ['forward', 3_600_000],
])('a wait for the others lasts as long as it is to, though the clock is set %s meanwhile', async (_, byMs) => {
  const clock = new ManualClock();
  const state = new AgentState(snapshot());
  const gate = new ModelPermits({ state, linked: () => true, clock });
  gate.set({ hold: null, stops: false, afterMs: 2_000, costLimitUsd: null, heard: 0 });
  let passed = false;
  const passing = gate.pass(new AbortController().signal).then((open) => (passed = open));
  clock.jump(byMs);
  await clock.advance(1_999);
  expect(passed).toBe(false);
  expect(state.current.held?.kind).toBe('admission');
  await clock.advance(1);
  await settle();
  expect(passed).toBe(true);
  await passing;
  expect(state.current.held).toBeNull();
});
