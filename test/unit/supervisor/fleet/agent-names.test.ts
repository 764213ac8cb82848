import { expect, test } from 'vitest';
import type { Operation } from '../../../../src/store/operations.ts';
import { AgentNames } from '../../../../src/supervisor/fleet/agent-names.ts';
import { record } from '../kit.ts';

/** worker-1 exists, worker-2 was removed. */
function names(): AgentNames {
  const there = record('worker-1');
  return new AgentNames({
    fleet: { records: [there], get: (id) => (id === there.id ? there : undefined) },
    store: { operations: { lastDone: (id) => (id === 'worker-3' ? undefined : ({ kind: 'rm' } as Operation)) } },
  });
}

test('one that is there is found, whatever was done to it', () => {
  expect(names().agent('worker-1').id).toBe('worker-1');
});

test('of one that was removed the way back is told', () => {
  expect(() => names().agent('worker-2')).toThrow(
    expect.objectContaining({
      code: 'unknown-agent',
      exitCode: 2,
      message: 'worker-2 was removed',
      hint: expect.stringContaining('`swarm undo worker-2`'),
    }),
  );
});

test('one that never was is met with the nearest of those that are there, or that would do as well', () => {
  expect(() => names().agent('worker-3')).toThrow(expect.objectContaining({ hint: 'Did you mean worker-1?' }));
  const none = new AgentNames({
    fleet: { records: [], get: () => undefined },
    store: { operations: { lastDone: () => undefined } },
  });
  expect(none.unknown('reviewr-1', ['reviewer-1', 'worker-1'])).toMatchObject({ hint: 'Did you mean reviewer-1?' });
});
