import { expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { turnsOf } from '../../support/messages-api.ts';
import { ALLOW, bash, claudePane, complete } from './claude-kit.ts';
import { astray, relay, toPort } from './deaf-kit.ts';

const blind = (supervisor: Awaited<ReturnType<typeof claudePane>>['supervisor']) =>
  supervisor.snapshot?.needsYou.find(({ kind }) => kind === 'settings')?.text;

test('an agent none of whose hooks run is not tried again: each try would be a turn that nothing watches', async ({
  broker,
}) => {
  const script = { rules: [{ name: 'say', contains: 'Go', steps: [{ text: 'Gone.' }] }] };
  await using room = await claudePane(broker.url, script, { command: astray('1s/{/{"disableAllHooks":true,/') });
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Go' }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.failure).toMatch(/hooks do not reach swarm: .*`swarm restart worker-1`/);
  expect(turnsOf(api)).toHaveLength(1);
});

test('hooks that go astray in the middle of a turn are told within seconds', async ({ broker }) => {
  await using post = await relay();
  const steps = [{ tools: [bash('echo 1')] }, { hold: 'cut', tools: [bash('echo 2')] }, { text: 'Gone.' }];
  const more = { ...ALLOW, command: astray(toPort(post.port)) };
  await using room = await claudePane(broker.url, { rules: [{ name: 'work', contains: 'Go', steps }] }, more);
  const { pane, supervisor, api } = room;
  post.to(pane);
  supervisor.orders.push(pane.order('t1', { prompt: 'Go' }));
  await pane.start();
  await expect.poll(() => turnsOf(api).length).toBe(2);
  expect(supervisor.snapshot?.turn).toBe('busy');
  post.cut();
  api.release('cut');
  await expect.poll(() => blind(supervisor)).toMatch(/hooks do not reach swarm: .* none has come since \d/);
});

test('a turn that is slow, has tools that fail, and ends well is told of nothing', async ({ broker }) => {
  const steps = [
    { tools: [bash('echo 1')], delayMs: 6_000 },
    { tools: [bash('exit 1'), { name: 'NoSuchTool', input: {} }], delayMs: 6_000 },
    { text: 'piece by piece, and slowly', pieceDelayMs: 400 },
    complete('done'),
    { text: 'All done.', delayMs: 6_000 },
  ];
  await using room = await claudePane(broker.url, { rules: [{ name: 'work', contains: 'Go', steps }] }, ALLOW);
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Go' }));
  await pane.start();
  await expect.poll(() => supervisor.results.length).toBe(1);
  expect(supervisor.snapshots.filter(({ needsYou }) => needsYou.length > 0)).toEqual([]);
});
