import { expect } from 'vitest';
import { findMarked, isAlive } from '../../../src/process/index.ts';
import { brokerTest as test } from '../../support/broker.ts';
import { turnsOf } from '../../support/messages-api.ts';
import { ALLOW, bash, claudePane, commandOf, complete, write } from './claude-kit.ts';

test('an agent killed in the middle of its turn goes on in the same conversation and the same attempt', async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'again',
          contains: 'You were interrupted',
          steps: [{ tools: [write('two.txt', '2')] }, complete('finished after all'), { text: 'ok' }],
        },
        {
          name: 'first',
          contains: 'Work long',
          steps: [{ tools: [write('one.txt', '1')] }, { tools: [bash('tail -f /dev/null')] }],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Work long' }));
  await pane.start();
  const mark = `${pane.spec.project}/worker-1/t1/1`;
  const tail = () =>
    findMarked('SWARM_MARK', mark).find(({ identity }) => commandOf(identity.pid).startsWith('tail -f'));
  await expect.poll(() => tail(), { timeout: 50_000 }).toBeDefined();
  const orphan = tail();
  process.kill(supervisor.snapshot?.child?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => supervisor.results.length, { timeout: 50_000 }).toBe(1);
  const [result] = supervisor.results;
  expect(result).toMatchObject({ task: 't1', attempt: 1, outcome: 'done', summary: 'finished after all' });
  expect(new Set(turnsOf(api).map(({ session }) => session))).toEqual(new Set([result?.sessionId]));
  expect(await pane.repository.git('show', '--format=', '--name-only', `${result?.commit}`)).toBe('one.txt\ntwo.txt');
  expect(supervisor.snapshot).toMatchObject({ restarts: 1, lastExit: { signal: 'SIGKILL' } });
  expect(orphan !== undefined && isAlive(orphan.identity)).toBe(false);
});

test('a permission that nobody gives is denied by policy when no one is attached', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'curl',
          contains: 'Fetch',
          steps: [{ tools: [bash('python3 -c "print(1)"')] }, complete('went on without it'), { text: 'ok' }],
        },
      ],
    },
    { unanswered: { policy: 'deny', afterMs: 300 } },
  );
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Fetch' }));
  await pane.start();
  await expect
    .poll(() => supervisor.results[0], { timeout: 50_000 })
    .toMatchObject({ outcome: 'done', summary: 'went on without it' });
  expect(JSON.stringify(turnsOf(api)[1]?.body)).toContain('not allowed, go on without it');
});
