import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { WrapperPane } from './wrapper-pane.ts';

test('a shell task runs in its branch and its exit code is the result', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(pane.order('t1', { command: ['sh', '-c', 'echo hello; echo new > made.txt; echo "$SWARM_MARK"'] }));
  await pane.start();
  await expect.poll(() => supervisor.results.length, { timeout: 15_000, message: await pane.log() }).toBe(1);
  const [result] = supervisor.results;
  expect(result).toMatchObject({ task: 't1', attempt: 1, outcome: 'done', branch: 'swarm/task/t1', errorClass: null });
  expect(result?.summary).toContain(`${pane.spec.project}/worker-1/t1/1`);
  expect(await pane.repository.git('show', `${result?.commit}:made.txt`)).toBe('new');
  expect(await pane.repository.git('log', '-1', '--format=%B', 'swarm/task/t1')).toContain('Swarm-Task: t1');
  expect(await readFile(path.join(pane.spec.logsDir, 'worker-1/t1-1.log'), 'utf8')).toContain('hello');
  await expect.poll(() => supervisor.snapshot?.tasks).toEqual([]);
  expect(await pane.screen()).toContain('t1');
});
