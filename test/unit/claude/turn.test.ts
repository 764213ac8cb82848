import { expect, test } from 'vitest';
import { advance, newTurn } from '../../../src/claude/turn.ts';
import type { Turn } from '../../../src/claude/turn.ts';
import type { ClaudeEvent, ClaudeEventBody } from '../../../src/claude/events.ts';

const start: ClaudeEventBody = { type: 'session-start', source: 'startup', transcriptPath: '/t' };
const prompt: ClaudeEventBody = { type: 'prompt-submitted', promptId: 'p', prompt: 'do it' };
const stop: ClaudeEventBody = { type: 'turn-ended', lastMessage: 'done', backgroundTasks: 0 };
const emptyStop: ClaudeEventBody = { type: 'turn-ended', lastMessage: null, backgroundTasks: 0 };
const later: ClaudeEventBody = { type: 'turn-ended', lastMessage: 'it runs', backgroundTasks: 1 };
const withMate: ClaudeEventBody = { type: 'turn-ended', lastMessage: 'done', backgroundTasks: 0, teammates: 1 };
const mateIdle: ClaudeEventBody = { type: 'teammate-idle', name: 'mate' };
const refused: ClaudeEventBody = { type: 'turn-failed', error: 'rate_limit', details: null };
const end: ClaudeEventBody = { type: 'session-end', reason: 'other' };
const cleared: ClaudeEventBody = { type: 'session-end', reason: 'clear' };
const usage: ClaudeEventBody = {
  type: 'usage',
  requestId: 'r',
  model: 'm',
  usage: { costUsd: 1, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 },
};
const line: ClaudeEventBody = { type: 'status-line', costUsd: 1, contextPercent: 1, resetsAt: null, limit: null };
const notify = (kind: string): ClaudeEventBody => ({ type: 'notification', kind, message: '' });
const begin = (tool = 'Bash'): ClaudeEventBody => ({ type: 'tool-start', tool, input: {}, toolUseId: 't' });
const ended = (tool = 'Bash', ok = true): ClaudeEventBody => ({
  type: 'tool-end',
  tool,
  toolUseId: 't',
  ok,
  result: 'r',
});
const ask = (requestId: string): ClaudeEventBody => ({
  type: 'permission-requested',
  requestId,
  tool: 'Bash',
  input: {},
  text: 'Bash: x',
});
const settle = (requestId: string, how: 'allowed' | 'denied' | 'in-pane' | 'gone'): ClaudeEventBody => ({
  type: 'permission-settled',
  requestId,
  how,
});
const complete = 'mcp__swarm__complete_task';

/** The nth event happens at second n; `of` makes an event of another session. */
const of = (sessionId: string, body: ClaudeEventBody) => ({ ...body, sessionId });
function play(...bodies: (ClaudeEventBody & { sessionId?: string })[]): Turn {
  return bodies.reduce<Turn>(
    (turn, body, index) => advance(turn, { sessionId: 's', ...body, at: `t${index + 1}` } as ClaudeEvent),
    newTurn('t0'),
  );
}

test.for<[string, string, (ClaudeEventBody & { sessionId?: string })[]]>([
  ['a process that has said nothing is starting', 'starting', []],
  ['SessionStart makes it ready', 'ready', [start]],
  ['a prompt makes it busy', 'busy', [start, prompt]],
  ['a Stop with a message ends the turn', 'idle', [start, prompt, stop]],
  ['a Stop without a message is a failure', 'failed', [start, prompt, emptyStop]],
  [
    'a Stop without a message after complete_task is none',
    'idle',
    [start, prompt, begin(complete), ended(complete), emptyStop],
  ],
  [
    'a refused complete_task closes nothing',
    'failed',
    [start, prompt, begin(complete), ended(complete, false), emptyStop],
  ],
  [
    'work after complete_task needs a word again',
    'failed',
    [start, prompt, begin(complete), ended(complete), begin(), ended(), emptyStop],
  ],
  [
    'complete_task of the turn before does not close this one',
    'failed',
    [start, prompt, ended(complete), stop, prompt, emptyStop],
  ],
  ["a Stop after a person's own shell command fails nothing", 'ready', [start, emptyStop]],
  ['nor does it after a turn', 'idle', [start, prompt, stop, emptyStop]],
  ['a teammate at work keeps the turn from its end', 'background', [start, prompt, withMate]],
  ['an idle teammate does not', 'idle', [start, prompt, withMate, mateIdle, withMate]],
  [
    'a command beside an idle teammate does',
    'background',
    [start, prompt, mateIdle, { ...withMate, backgroundTasks: 1 }],
  ],
  ['background tasks keep the turn from its end', 'background', [start, prompt, later]],
  ["a background subagent's tools do not end the background", 'background', [start, prompt, later, begin(), ended()]],
  ['the notice of a background task begins a new turn', 'busy', [start, prompt, later, prompt]],
  ['and the second Stop ends it', 'idle', [start, prompt, later, prompt, stop]],
  ['StopFailure is an API error', 'api-error', [start, prompt, refused]],
  ['a new prompt leaves the API error', 'busy', [start, prompt, refused, prompt]],
  ['a permission request waits', 'permission', [start, prompt, begin(), ask('1')]],
  ['an allowed one goes on', 'busy', [start, prompt, begin(), ask('1'), settle('1', 'allowed')]],
  ['a denied one goes on', 'busy', [start, prompt, begin(), ask('1'), settle('1', 'denied')]],
  ['one answered in the pane goes on', 'busy', [start, prompt, begin(), ask('1'), settle('1', 'in-pane'), ended()]],
  ['one dropped by the asker ends the turn', 'idle', [start, prompt, begin(), ask('1'), settle('1', 'gone')]],
  ['two open dialogs need two answers', 'permission', [start, prompt, ask('1'), ask('2'), settle('1', 'allowed')]],
  [
    'a tool beside an open dialog does not close it',
    'permission',
    [start, prompt, ask('1'), begin('Read'), ended('Read')],
  ],
  ['a prompt queued behind a dialog does not close it', 'permission', [start, prompt, ask('1'), prompt]],
  ['a dialog that was only notified waits', 'permission', [start, prompt, begin(), notify('permission_prompt')]],
  ['and is closed by the end of its tool', 'busy', [start, prompt, begin(), notify('permission_prompt'), ended()]],
  ['a late notice of a dialog does not wake an idle agent', 'idle', [start, prompt, stop, notify('permission_prompt')]],
  ['idle_prompt ends a turn whose Stop was lost', 'idle', [start, prompt, notify('idle_prompt')]],
  ['idle_prompt leaves an API error as it is', 'api-error', [start, prompt, refused, notify('idle_prompt')]],
  ['a tool shows a turn whose prompt was lost', 'busy', [start, begin()]],
  ['the late end of a tool does not', 'idle', [start, prompt, stop, ended()]],
  ['SessionEnd is the end', 'gone', [start, prompt, end]],
  ['nothing comes back from there but a start', 'gone', [start, prompt, end, ended(), usage]],
  [
    '/clear goes on with another session',
    'ready',
    [start, prompt, stop, cleared, of('s2', { ...start, source: 'clear' })],
  ],
  ['a prompt may overtake the SessionStart', 'busy', [prompt, start]],
  [
    'also after /clear',
    'busy',
    [start, prompt, stop, cleared, of('s2', prompt), of('s2', { ...start, source: 'clear' })],
  ],
  ['a late Stop of the session before changes nothing', 'busy', [start, prompt, of('s2', prompt), stop]],
  ['a late SessionEnd of the session before changes nothing', 'busy', [start, of('s2', prompt), cleared]],
  ['compaction does not end a turn', 'busy', [start, prompt, { ...start, source: 'compact' }]],
])('%s', ([, state, events]) => {
  expect(play(...events).state).toBe(state);
});

test('the failure and the last words belong to the turn that had them', () => {
  expect(play(start, prompt, refused).failure).toEqual({ error: 'rate_limit', details: null });
  expect(play(start, prompt, emptyStop).failure?.error).toBe('empty_stop');
  expect(play(start, prompt, ask('1'), settle('1', 'gone')).failure?.error).toBe('interrupted');
  expect(play(start, prompt, stop)).toMatchObject({ lastMessage: 'done', failure: null });
  expect(play(start, prompt, refused, prompt)).toMatchObject({ lastMessage: null, failure: null });
});

test('a state knows since when, and progress is dated by what the agent does', () => {
  expect(play(start, prompt, begin(), ended())).toMatchObject({ since: 't2', lastProgressAt: 't4' });
  expect(play(start, prompt, usage)).toMatchObject({ since: 't2', lastProgressAt: 't3' });
  expect(play(start, prompt, line, notify('other'))).toMatchObject({ lastProgressAt: 't2' });
});

test('the session and its transcript follow the conversation', () => {
  expect(play(start)).toMatchObject({ sessionId: 's', transcriptPath: '/t' });
  expect(play(start, of('s2', { ...start, source: 'clear', transcriptPath: '/t2' }))).toMatchObject({
    sessionId: 's2',
    transcriptPath: '/t2',
  });
  expect(play(start, of('s2', prompt)).transcriptPath).toBeNull();
});
