import { expect, test } from 'vitest';
import type { ScriptInput } from '../../support/messages-api.ts';
import { openPane } from './pane.ts';
import type { Pane } from './pane.ts';

/**
 * Facts that are also tested end to end, or with a wrapper, are tested here in the long run only: each is a start of
 * Claude Code.
 */
const LONG = process.env['SWARM_TEST_LONG'] === '1';
const command = "python3 -c 'print(40 + 2)'";
const script: ScriptInput = {
  rules: [
    {
      name: 'ask',
      contains: 'ADD',
      steps: [{ tools: [{ name: 'Bash', input: { command, description: 'add' } }] }, { text: 'So be it.' }],
    },
  ],
};

async function asked(pane: Pane): Promise<string> {
  await pane.start({ prompt: 'ADD please' });
  await expect.poll(() => pane.endpoint.pendingPermissions().length).toBe(1);
  expect(pane.turn().state).toBe('permission');
  const [request] = pane.endpoint.pendingPermissions();
  expect(request).toMatchObject({ tool: 'Bash', text: `Bash: ${command}`, input: { command } });
  // The person in the pane has the same dialog at the same time.
  await expect.poll(() => pane.screen()).toContain('Do you want to proceed?');
  return request?.requestId ?? '';
}

if (LONG)
  test('a held permission request that is allowed lets the turn go on', async () => {
    await using pane = await openPane(script);
    const requestId = await asked(pane);
    expect(pane.endpoint.decidePermission(requestId, { behavior: 'allow' })).toBe(true);
    await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'So be it.' });
    expect(pane.of('permission-settled')).toMatchObject([{ requestId, how: 'allowed' }]);
    expect(pane.of('tool-end')).toMatchObject([{ tool: 'Bash', ok: true }]);
    expect(pane.endpoint.decidePermission(requestId, { behavior: 'allow' })).toBe(false);
  });

if (LONG)
  test('a held permission request that is denied tells the model why, and the turn goes on', async () => {
    await using pane = await openPane(script);
    const requestId = await asked(pane);
    expect(
      pane.endpoint.decidePermission(requestId, { behavior: 'deny', message: 'not allowed, go on without it' }),
    ).toBe(true);
    await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'So be it.' });
    expect(pane.of('permission-settled')).toMatchObject([{ requestId, how: 'denied' }]);
    expect(JSON.stringify(pane.api.requests().at(-1)?.body)).toContain('not allowed, go on without it');
  });

test('a yes in the pane settles the held request', async () => {
  await using pane = await openPane(script);
  const requestId = await asked(pane);
  await pane.keys('1');
  await expect.poll(() => pane.turn().state).toBe('idle');
  expect(pane.of('permission-settled')).toMatchObject([{ requestId, how: 'in-pane' }]);
  expect(pane.endpoint.decidePermission(requestId, { behavior: 'allow' })).toBe(false);
});

test('a no in the pane interrupts the turn and leaves the agent to the person', async () => {
  await using pane = await openPane(script);
  const requestId = await asked(pane);
  await pane.keys('Escape');
  await expect.poll(() => pane.of('permission-settled')).toMatchObject([{ requestId, how: 'gone' }]);
  expect(pane.turn()).toMatchObject({ state: 'idle', failure: { error: 'interrupted' } });
});

test('an allow rule keeps the question from being asked', async () => {
  await using pane = await openPane(script);
  await pane.start({ prompt: 'ADD please', allow: ['Bash(python3:*)'] });
  await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'So be it.' });
  expect(pane.of('permission-requested')).toEqual([]);
});
