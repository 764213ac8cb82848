import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClaudeEvent, ClaudeEventBody } from '../../../../src/claude/index.ts';
import { HookWatch } from '../../../../src/wrapper/claude/hook-watch.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { silentLog } from '../support.ts';

let directory: string;
let file: string;
let clock: ManualClock;
let alive: boolean;
let told: (string | null)[];
let watch: HookWatch;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sw-hooks-'));
  file = path.join(directory, 'transcript.jsonl');
  [clock, alive, told] = [new ManualClock(), true, []];
  watch = new HookWatch({
    agent: 'worker-1',
    transcript: () => (alive ? file : null),
    changed: (deaf) => told.push(deaf),
    clock,
    log: silentLog,
  });
  await writeFile(file, written(assistant([text('of an earlier process')])));
  await watch.begins(file);
  void watch.run();
});
afterEach(async () => {
  watch.close();
  await rm(directory, { recursive: true });
});

/** Time passes, and after each second the watch looks. */
async function seconds(n: number): Promise<void> {
  for (let second = 0; second < n; second += 1) {
    await looked();
    await clock.advance(1_000);
  }
  await looked();
}

/** A look reads files: it has ended when the next one is planned. */
async function looked(): Promise<void> {
  while (clock.pending === 0) await settle();
}

const at = (): string => new Date(clock.now()).toISOString();
const written = (line: Record<string, unknown>): string =>
  `${JSON.stringify({ timestamp: at(), uuid: 'u', ...line })}\n`;
const write = (line: Record<string, unknown>): Promise<void> => appendFile(file, written(line));
const text = (said: string) => ({ type: 'text', text: said });
const assistant = (content: unknown[], more = {}) => ({
  type: 'assistant',
  message: { model: 'm', content },
  ...more,
});
const result = (id: string, more = {}) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, ...more }] },
});
const END = { type: 'system', subtype: 'turn_duration' };
const hear = (event: ClaudeEventBody): void => watch.event({ sessionId: 's', at: at(), ...event } as ClaudeEvent);
const prompted = (): void => hear({ type: 'prompt-submitted', promptId: null, prompt: 'Go.' });
const toolBegins = (id: string): void => hear({ type: 'tool-start', tool: 'Bash', input: {}, toolUseId: id });
const ended = (): void => hear({ type: 'turn-ended', lastMessage: 'Done.', backgroundTasks: 0 });

test('a process that answers without any hook is told within seconds, with what to do, until a hook comes', async () => {
  hear({ type: 'session-start', source: 'startup', transcriptPath: file });
  await write(assistant([text('Hello')]));
  await seconds(1);
  expect(told).toEqual([]);
  await seconds(3);
  expect(told).toEqual([
    expect.stringMatching(/the model answers, and none has come since its start.*swarm restart w/),
  ]);
  hear({ type: 'usage', requestId: 'r', usage: {} as never, model: 'm' });
  expect(told).toHaveLength(1);
  prompted();
  expect(told).toEqual([expect.any(String), null]);
});

test('hooks that cease in the middle of a turn are told by a tool that ran, or by the end of the turn', async () => {
  prompted();
  toolBegins('t1');
  await write(assistant([text('and then')]));
  await seconds(2);
  await write(result('t1'));
  await seconds(5);
  expect(told).toEqual([]);
  await write(result('t2'));
  await seconds(4);
  expect(told).toEqual([expect.stringContaining('a tool has run, and none has come since 0')]);
  toolBegins('t3');
  await seconds(5);
  await write(END);
  await seconds(4);
  expect(told).toEqual([expect.any(String), null, expect.stringContaining('its turn is over')]);
  alive = false;
  await seconds(1);
  expect(told.at(-1)).toBeNull();
});

test.each<[string, () => Promise<void>]>([
  [
    'a slow turn, tools that fail, and the line that closes a turn when the next one has begun',
    async () => {
      prompted();
      await seconds(30);
      toolBegins('t1');
      await write(assistant([text('a')]));
      await seconds(30);
      await write(result('t1'));
      await write(result('denied', { is_error: true }));
      await seconds(30);
      ended();
      prompted();
      await seconds(1);
      await write(END);
    },
  ],
  ['what an earlier process wrote', () => appendFile(file, `${JSON.stringify(old)}\n`)],
  ['a subagent', () => write(assistant([text('a')], { isSidechain: true }))],
  ['a note of Claude Code', () => write({ type: 'assistant', message: { model: '<synthetic>', content: [] } })],
  [
    'a turn that a person stopped in the pane',
    async () => {
      prompted();
      await seconds(1);
      await write({ type: 'user', message: { content: [text('[Request interrupted by user]')] } });
      await write(END);
    },
  ],
  [
    'a tool that a process before was killed in, written when this one had its prompt',
    async () => {
      const line = written(result('t0'));
      await seconds(1);
      prompted();
      await appendFile(file, line);
    },
  ],
])('nothing is told of %s', async (_what, happens) => {
  await happens();
  await seconds(6);
  expect(told).toEqual([]);
});

const old = { ...assistant([text('copied')]), uuid: 'u', timestamp: '2029-01-01T00:00:00.000Z' };
