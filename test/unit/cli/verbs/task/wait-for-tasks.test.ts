import { expect, test } from 'vitest';
import { checkLine } from '../../../../../src/cli/verbs/task/wait-for-tasks.ts';

const verified = (data: Record<string, unknown>) => ({
  id: 1,
  at: '2030-01-01T00:00:00.000Z',
  name: 'task.verified',
  agent: 'worker-1',
  task: 't2',
  data: { attempt: 1, ...data },
});

test('a check that failed is told with what comes of it; one that went well is not', () => {
  expect(checkLine(verified({ ok: false, exit: 'exit 1', followUp: 1, of: 2 }))).toBe(
    'task t2 check failed (exit 1): follow-up 1 of 2',
  );
  expect(checkLine(verified({ ok: false, exit: 'exit 1' }))).toBe(
    'task t2 check failed (exit 1): no follow-up is left',
  );
  expect(checkLine(verified({ ok: true, exit: 'exit 0' }))).toBeNull();
  expect(checkLine({ ...verified({ ok: false }), name: 'task.done' })).toBeNull();
});
