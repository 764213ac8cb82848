import { expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { startMessagesApi, turnsOf, type ScriptInput } from '../../support/messages-api.ts';
import { WrapperPane } from './wrapper-pane.ts';

const write = (file: string, content: string) => ({ name: 'Write', input: { file_path: `{{cwd}}/${file}`, content } });
const complete = (summary: string) => ({ tools: [{ name: 'mcp__swarm__complete_task', input: { summary } }] });

async function claudePane(amqpUrl: string, script: ScriptInput, more: Parameters<typeof WrapperPane.open>[0]['spec'] = {}) {
  const api = await startMessagesApi({ script });
  const pane = await WrapperPane.open({ kind: 'claude', amqpUrl, anthropicBaseUrl: api.url, spec: more });
  return {
    api,
    pane,
    supervisor: pane.supervisor,
    async [Symbol.asyncDispose]() {
      await pane[Symbol.asyncDispose]();
      await api.close();
    },
  };
}

test('a claude task is prompted, committed and reported with its summary', async ({ broker }) => {
  await using room = await claudePane(broker.url, {
    rules: [{ name: 'hello', contains: 'Write hello', steps: [{ tools: [write('hello.txt', 'hi')] }, complete('Wrote hello.txt'), { text: 'All done.' }] }],
  });
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Write hello' }));
  await pane.start();
  await expect.poll(() => supervisor.results.length, { timeout: 25_000 }).toBe(1);
  const [result] = supervisor.results;
  expect(result, await pane.log()).toMatchObject({ task: 't1', outcome: 'done', summary: 'Wrote hello.txt', branch: 'swarm/task/t1' });
  expect(await pane.repository.git('show', `${result?.commit}:hello.txt`)).toBe('hi');
  expect(turnsOf(api)[0]?.prompt).toContain('# Task t1: Task t1');
  expect(supervisor.snapshot).toMatchObject({ turn: 'idle', tasks: [], sessionId: result?.sessionId });
});
