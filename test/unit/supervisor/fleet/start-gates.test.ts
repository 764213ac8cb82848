import { expect, test } from 'vitest';
import { blockingGate } from '../../../../src/supervisor/fleet/start-gates.ts';

const gate = (kind: 'trust' | 'login' | 'missing' | 'onboarding' | 'hooks', blocking = true) => ({
  kind,
  message: `${kind}?`,
  cure: 'Do it.',
  blocking,
});

test('the first that blocks is told; trust that was given opens its own', () => {
  expect(blockingGate([], false)).toBeNull();
  expect(blockingGate([gate('onboarding', false)], false)).toBeNull();
  expect(blockingGate([gate('onboarding', false), gate('trust'), gate('login')], false)).toEqual({
    by: 'person',
    gate: 'trust',
    detail: 'trust? Do it.',
  });
  const login = { by: 'person', gate: 'login', detail: 'login? Do it.' };
  expect(blockingGate([gate('trust'), gate('login')], true)).toEqual(login);
  expect(blockingGate([gate('missing'), gate('login')], true)).toEqual({ by: 'program', detail: 'missing?\nDo it.' });
  expect(blockingGate([gate('trust')], true)).toBeNull();
  // A login would not help there, and is not asked for.
  expect(blockingGate([gate('hooks')], true)).toMatchObject({ by: 'person', gate: 'settings' });
});
