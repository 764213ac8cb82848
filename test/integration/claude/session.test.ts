import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { endsInterrupted, lastUuid, readTail, sessionExists, transcriptPath } from '../../../src/claude/index.ts';
import { turnsOf } from '../../support/messages-api.ts';
import type { ScriptInput } from '../../support/messages-api.ts';
import { openPane } from './pane.ts';

/**
 * Facts that are also tested end to end, or with a wrapper, are tested here in the long run only: each is a start of
 * Claude Code.
 */
const LONG = process.env['SWARM_TEST_LONG'] === '1';
const complete = { name: 'mcp__swarm__complete_task', input: { summary: 'wrote note.txt' } };

const script: ScriptInput = {
  rules: [
    {
      name: 'work',
      contains: 'WRITE-A-NOTE',
      steps: [
        { tools: [{ name: 'Write', input: { file_path: '{{cwd}}/note.txt', content: 'a note\n' } }] },
        { text: 'Nearly there.', tools: [complete] },
        { text: 'All is done.' },
      ],
    },
    { name: 'mute', contains: 'SAY-NOTHING', steps: [{ tools: [complete] }, { text: '' }] },
    { name: 'talk', contains: 'GO-ON', steps: [{ text: 'I went on.' }] },
    { name: 'hang', contains: 'WAIT-FOR-EVER', steps: [{ fault: { kind: 'hang', after: 'start' }, times: null }] },
    {
      name: 'refused',
      contains: 'NO-MONEY',
      steps: [{ fault: { kind: 'status', status: 429, retryAfter: 3600 }, times: null }],
    },
  ],
};

test('a prompt given as an argument becomes a turn: its tools run, its result arrives, its cost is known', async () => {
  await using pane = await openPane(script);
  const prompt = 'Please WRITE-A-NOTE\n`with` "odd" $characters and ünïcödé';
  const { sessionId, startedAt } = await pane.start({ prompt });

  await expect.poll(() => pane.of('session-start').length).toBe(1);
  console.log(`SessionStart seen ${Math.round(performance.now() - startedAt)} ms after tmux new-session`);
  expect(pane.of('session-start')[0]).toMatchObject({ sessionId, source: 'startup' });
  await expect.poll(() => pane.turn().state).toBe('idle');

  expect(pane.of('prompt-submitted').map((event) => event.prompt)).toEqual([prompt]);
  expect(await readFile(path.join(pane.repository, 'note.txt'), 'utf8')).toBe('a note\n');
  expect(pane.calls).toEqual([{ tool: 'complete_task', input: complete.input }]);
  expect(pane.turn()).toMatchObject({ lastMessage: 'All is done.', sessionId, failure: null });
  expect(pane.of('permission-requested')).toEqual([]);
  expect(pane.of('tool-end').map(({ tool, ok }) => [tool, ok])).toEqual([
    ['Write', true],
    ['mcp__swarm__complete_task', true],
  ]);

  // The request for a title, which Claude Code may also send, costs too, but is none of the turn's three.
  const ofTurn = () => pane.of('usage').filter(({ usage }) => usage.inputTokens === 100 && usage.outputTokens === 20);
  await expect.poll(() => ofTurn().length).toBe(3);
  expect(turnsOf(pane.api, sessionId)).toHaveLength(3);
  expect(new Set(ofTurn().map((event) => event.requestId)).size).toBe(3);
  expect(ofTurn().map((event) => [event.sessionId, event.usage.costUsd > 0])).toEqual(Array(3).fill([sessionId, true]));
  const priced = () =>
    pane.of('status-line').some((event) => (event.costUsd ?? 0) > 0 && event.contextPercent !== null);
  await expect.poll(priced).toBe(true);
  expect(pane.turn().transcriptPath).toBe(transcriptPath(pane.environment.variables, pane.repository, sessionId));
  // Claude Code writes its transcript a moment after the fact.
  await expect.poll(async () => (await readTail(pane.turn().transcriptPath ?? '', 0)).usage.size).toBe(3);
  expect(pane.logs).toEqual([]);
});

if (LONG)
  test('after a kill -9 in the middle of a turn the same conversation goes on', async () => {
    await using pane = await openPane(script);
    const { variables } = pane.environment;
    const { pid, sessionId } = await pane.start({ prompt: 'Please WAIT-FOR-EVER' });
    await expect.poll(() => turnsOf(pane.api, sessionId).length).toBe(1);
    expect(pane.turn().state).toBe('busy');
    await expect.poll(() => sessionExists(variables, pane.repository, sessionId)).toBe(true);
    process.kill(pid, 'SIGKILL');

    const file = transcriptPath(variables, pane.repository, sessionId);
    expect(await lastUuid(file)).toMatch(/^[0-9a-f-]{36}$/);
    await pane.start({ sessionId, resume: true, prompt: 'GO-ON please' });
    await expect.poll(() => pane.turn().state).toBe('idle');

    expect(pane.of('session-start').map(({ source }) => source)).toEqual(['startup', 'resume']);
    expect(pane.turn()).toMatchObject({ sessionId, lastMessage: 'I went on.' });
    expect(JSON.stringify(turnsOf(pane.api, sessionId).at(-1)?.body)).toContain('Please WAIT-FOR-EVER');
  });

test('a turn that ends without a word after complete_task has not failed', async () => {
  await using pane = await openPane(script);
  await pane.start({ prompt: 'SAY-NOTHING' });
  await expect.poll(() => pane.of('turn-ended').length).toBe(1);
  expect(pane.of('turn-ended')[0]?.lastMessage).toBeNull();
  expect(pane.turn()).toMatchObject({ state: 'idle', failure: null });
});

if (LONG)
  test('an API that refuses ends the turn with its reason', async () => {
    await using pane = await openPane(script);
    await pane.start({ prompt: 'NO-MONEY' });
    await expect.poll(() => pane.turn().state).toBe('api-error');
    expect(pane.turn().failure?.error).toBe('rate_limit');
  });

test('Esc in the pane fires no hook, but the transcript tells', async () => {
  await using pane = await openPane(script);
  await pane.start({ prompt: 'WAIT-FOR-EVER' });
  await expect.poll(() => turnsOf(pane.api).length).toBe(1);
  await expect.poll(() => pane.screen()).toMatch(/[↓●].*tokens/);
  await pane.keys('Escape');
  const file = pane.turn().transcriptPath ?? '';
  await expect.poll(async () => endsInterrupted((await readTail(file, 0)).lines)).toBe(true);
  expect(pane.turn().state).toBe('busy');
});

if (LONG)
  test('in a home where Claude Code never ran an agent comes up all the same', async () => {
    await using pane = await openPane(script, { firstRun: true });
    await pane.start({ prompt: 'GO-ON' });
    await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'I went on.' });
  });

test('a turn is over when all teammates of an agent team are idle, though Claude Code counts them as running', async () => {
  await using pane = await openPane({
    rules: [
      { name: 'mate', contains: 'MATE-WORK', steps: [{ text: 'My part is done.' }] },
      {
        name: 'lead',
        contains: 'LEAD-WORK',
        steps: [
          {
            tools: [
              {
                name: 'Agent',
                input: { description: 'part', prompt: 'MATE-WORK', name: 'mate', subagent_type: 'general-purpose' },
              },
            ],
          },
          { text: 'All is done.' },
        ],
      },
    ],
    otherwise: 'Done.',
  });
  await pane.start({ prompt: 'LEAD-WORK', variables: { CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS: '1' } });
  await expect.poll(() => pane.of('teammate-idle').map(({ name }) => name)).toEqual(['mate']);
  await expect.poll(() => pane.turn().state).toBe('idle');
  expect(pane.of('turn-ended').at(-1)).toMatchObject({ teammates: 1, backgroundTasks: 0 });
});

test('a prompt too long for an argument is read from a file, without a question', async () => {
  const long = `${'word '.repeat(30_000)}THE-END`;
  await using pane = await openPane({
    rules: [
      {
        name: 'read',
        matches: 'Read all of (\\S.*) first, then',
        steps: [{ tools: [{ name: 'Read', input: { file_path: '{{1}}' } }] }],
      },
    ],
    otherwise: 'Read it.',
  });
  await pane.start({ prompt: long });
  await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'Read it.' });
  expect(pane.of('permission-requested')).toEqual([]);
  expect(pane.of('tool-start').map(({ tool }) => tool)).toEqual(['Read']);
});

test('/clear begins a new conversation in the same process', async () => {
  await using pane = await openPane(script);
  const { sessionId } = await pane.start({ prompt: 'GO-ON' });
  await expect.poll(() => pane.turn().state).toBe('idle');
  await pane.keys('-l', '/clear');
  await expect.poll(() => pane.screen()).toContain('/clear');
  await pane.keys('Enter');
  await expect.poll(() => pane.turn().sessionId).not.toBe(sessionId);
  expect(pane.turn()).toMatchObject({ state: 'ready', lastMessage: null });
});

test("the person's own status line is still shown, and ours is fed", async () => {
  await using pane = await openPane(script);
  await mkdir(path.join(pane.environment.home, '.claude'));
  const statusLine = { type: 'command', command: 'sed "s/.*total_cost_usd.*/it is my line/"' };
  await writeFile(path.join(pane.environment.home, '.claude/settings.json'), JSON.stringify({ statusLine }));
  await pane.start({ prompt: 'GO-ON' });
  await expect.poll(() => pane.screen()).toContain('it is my line');
  await expect.poll(() => pane.of('status-line').length).toBeGreaterThan(0);
});
