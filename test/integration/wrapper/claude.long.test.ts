/** The main job of the end-to-end tests, with a wrapper alone: it tells more when a part is wrong. */
import { expect } from 'vitest';
import { brokerTest as test } from '../../support/broker.ts';
import { turnsOf } from '../../support/messages-api.ts';
import { ALLOW, bash, claudePane, complete, say, write } from './claude-kit.ts';

test('a claude task is prompted, committed and reported with its summary', async ({ broker }) => {
  await using room = await claudePane(broker.url, {
    rules: [
      {
        name: 'hello',
        contains: 'Write hello',
        steps: [{ tools: [write('hello.txt', 'hi')] }, complete('Wrote hello.txt'), { text: 'All done.' }],
      },
    ],
  });
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Write hello' }));
  await pane.start();
  await expect.poll(() => supervisor.results.length).toBe(1);
  const [result] = supervisor.results;
  expect(result, await pane.log()).toMatchObject({
    task: 't1',
    outcome: 'done',
    summary: 'Wrote hello.txt',
    branch: 'swarm/task/t1',
  });
  expect(await pane.repository.git('show', `${result?.commit}:hello.txt`)).toBe('hi');
  expect(turnsOf(api)[0]?.prompt).toContain('# Task t1: Task t1');
  await expect.poll(() => supervisor.snapshot).toMatchObject({ turn: 'idle', tasks: [], sessionId: result?.sessionId });
});

test('a failed check becomes a follow-up turn with its output', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'mend',
          contains: 'The check of task t1 failed',
          steps: [{ tools: [bash('echo good > state.txt')] }, complete('mended'), { text: 'ok' }],
        },
        {
          name: 'first',
          contains: 'Make it good',
          steps: [{ tools: [write('state.txt', 'bad')] }, complete('made'), { text: 'ok' }],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor, api } = room;
  const verify = {
    name: 'check',
    argv: ['sh', '-c', 'echo litter > litter.txt; echo "state is $(cat state.txt)"; grep -q good state.txt'],
  };
  supervisor.orders.push(pane.order('t1', { prompt: 'Make it good', verify }));
  await pane.start();
  await expect.poll(() => supervisor.results.length).toBe(1);
  expect(supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'mended' });
  expect(turnsOf(api).find(({ rule }) => rule === 'mend')?.prompt).toContain('state is bad');
  expect(await pane.repository.git('ls-tree', '--name-only', `${supervisor.results[0]?.commit}`)).not.toContain(
    'litter.txt',
  );
  expect(supervisor.eventsNamed('task.verified').map(({ data }) => data['ok'])).toEqual([false, true]);
});

test('a question to the person ends the turn, keeps the task, and its answer is the next prompt', async ({
  broker,
}) => {
  await using room = await claudePane(broker.url, {
    rules: [
      { name: 'answered', contains: 'The answer of the person: blue', steps: [complete('it is blue'), { text: 'ok' }] },
      {
        name: 'ask',
        contains: 'Pick a colour',
        steps: [say('ask_person', { question: 'Which colour?', options: ['red', 'blue'] }), { text: 'waiting' }],
      },
    ],
  });
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Pick a colour' }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.needsYou[0]?.text).toBe('Which colour? [red | blue]');
  expect(supervisor.snapshot?.tasks[0]?.phase).toBe('asking');
  await expect.poll(() => supervisor.heartbeats.at(-1)?.attempts[0]?.phase).toBe('asking');
  expect(await supervisor.order({ do: 'answer', needsYou: null, decision: 'text', text: 'blue' })).toMatchObject({
    ok: true,
  });
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'it is blue' });
  expect(supervisor.snapshot?.needsYou).toEqual([]);
  expect(await supervisor.order({ do: 'answer', needsYou: null, decision: 'allow', text: null })).toMatchObject({
    ok: false,
    error: { code: 'nothing-to-answer' },
  });
});

test('a permission that is not given waits for the person, who allows it from outside', async ({ broker }) => {
  await using room = await claudePane(broker.url, {
    rules: [
      {
        name: 'curl',
        contains: 'Fetch',
        steps: [
          { tools: [bash('touch /tmp/../tmp/swarm-outside && python3 -c "print(1)"')] },
          complete('fetched'),
          { text: 'ok' },
        ],
      },
    ],
  });
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Fetch' }));
  await pane.start();
  await expect
    .poll(() => supervisor.snapshot?.needsYou[0])
    .toMatchObject({ kind: 'permission', tool: 'Bash', task: 't1' });
  expect(supervisor.snapshot?.turn).toBe('permission');
  expect(await supervisor.order({ do: 'answer', needsYou: null, decision: 'allow', text: null })).toMatchObject({
    ok: true,
  });
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'fetched' });
});

test('a turn that ends without a word on the task is asked once, then taken as done', async ({ broker }) => {
  await using room = await claudePane(broker.url, {
    rules: [
      { name: 'nudge', contains: 'You ended your turn without saying', steps: [{ text: 'I believe it works.' }] },
      { name: 'first', contains: 'Say nothing', steps: [{ tools: [write('a.txt', 'a')] }, { text: 'Hm.' }] },
    ],
  });
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Say nothing' }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'I believe it works.' });
  expect(turnsOf(api).filter(({ rule }) => rule === 'nudge')).toHaveLength(1);
});
