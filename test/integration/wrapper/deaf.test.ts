import { expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { claudePane } from './claude-kit.ts';
import { astray, toPort } from './deaf-kit.ts';

test('an agent whose hooks all go astray is told as not to be watched, with what to do', async ({ broker }) => {
  const script = { rules: [{ name: 'say', contains: 'Go', steps: [{ text: 'Gone.' }] }] };
  await using room = await claudePane(broker.url, script, { command: astray(toPort(1)) });
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Go' }));
  await pane.start();
  const settings = () => supervisor.snapshot?.needsYou.find(({ kind }) => kind === 'settings')?.text;
  await expect.poll(settings).toMatch(/hooks do not reach swarm: the model answers, .* `swarm restart worker-1`/);
});
