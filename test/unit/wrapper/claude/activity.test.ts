import { expect, test } from 'vitest';
import { ActivityWatch } from '../../../../src/wrapper/claude/activity.ts';
import type { ClaudeEventBody } from '../../../../src/claude/index.ts';

const T0 = Date.UTC(2030, 0, 1);

/** A story of hooks, one a second. */
class Story {
  readonly watch = new ActivityWatch();
  #second = 0;
  #calls = 0;

  at(second: number): string {
    return new Date(T0 + second * 1000).toISOString();
  }

  get now(): string {
    return this.at(this.#second);
  }

  event(body: ClaudeEventBody): this {
    this.#second += 1;
    this.watch.event({ sessionId: 's', at: this.now, ...body });
    return this;
  }

  /** A whole call with its input and its result (null: it was refused, and has no end). */
  call(command: string, result: string | null = 'the same'): this {
    this.#calls += 1;
    const toolUseId = `call-${this.#calls}`;
    this.event({ type: 'tool-start', tool: 'Bash', input: { command }, toolUseId });
    return result === null ? this : this.event({ type: 'tool-end', tool: 'Bash', toolUseId, ok: true, result });
  }

  times(count: number, what: (story: this, n: number) => void): this {
    for (let n = 0; n < count; n += 1) what(this, n);
    return this;
  }

  get rounds(): [rounds: number, period: number] | null {
    const { repeat } = this.watch.current;
    return repeat === null ? null : [repeat.rounds, repeat.period];
  }
}

const prompt: ClaudeEventBody = { type: 'prompt-submitted', promptId: 'p', prompt: 'Go' };

test.each<[string, (story: Story) => void, [number, number] | null]>([
  ['the same call with the same result', (s) => s.times(7, (t) => t.call('make')), [7, 1]],
  ['twice is not much', (s) => s.call('ls').times(2, (t) => t.call('make')), null],
  ['polling: the same call, and each time another result', (s) => s.times(9, (t, n) => t.call('date', `${n}`)), null],
  [
    'polling whose result stays the same in the end',
    (s) => s.times(3, (t, n) => t.call('st', `${n}`)).times(4, (t) => t.call('st')),
    [4, 1],
  ],
  ['A-B-A-B', (s) => s.times(5, (t) => t.call('edit').call('test')), [5, 2]],
  [
    'A-B-A-B in the middle of its next round',
    (s) => s.times(5, (t) => t.call('edit').call('test')).call('edit'),
    [5, 2],
  ],
  ['A-B-C-A-B-C', (s) => s.times(4, (t) => t.call('a').call('b').call('c')), [4, 3]],
  [
    'work: edit and test with other edits',
    (s) => s.times(9, (t, n) => t.call(`edit ${n}`).call('test', `${n} failed`)),
    null,
  ],
  [
    'work: other edits, the test fails all the same',
    (s) => s.times(9, (t, n) => t.call(`edit ${n}`).call('test')),
    null,
  ],
  ['refused again and again', (s) => s.times(6, (t) => t.call('git push', null)), [6, 1]],
  ['something else in between', (s) => s.times(5, (t) => t.call('make')).call('ls'), null],
  [
    'a person says something',
    (s) =>
      s
        .times(9, (t) => t.call('make'))
        .event(prompt)
        .call('make'),
    null,
  ],
])('loops: %s', (_title, tell, expected) => {
  const story = new Story();
  tell(story.event(prompt));
  expect(story.rounds).toEqual(expected);
});

test('a call that still runs is counted, and takes itself back when its result is another', () => {
  const story = new Story().event(prompt).times(4, (s) => s.call('make'));
  story.event({ type: 'tool-start', tool: 'Bash', input: { command: 'make' }, toolUseId: 'x' });
  expect(story.rounds).toEqual([5, 1]);
  story.event({ type: 'tool-end', tool: 'Bash', toolUseId: 'x', ok: true, result: 'another' });
  expect(story.rounds).toBeNull();
});

test('a new process begins no loop with what the old one did, and its first calls are nothing new', () => {
  const story = new Story().event(prompt).times(6, (s) => s.call('make'));
  const before = story.watch.current.advancedAt;
  story.watch.begins();
  expect(story.rounds).toBeNull();
  story.event(prompt).call('make');
  expect(story.watch.current.advancedAt).toBe(before);
  story.call('ls');
  expect(story.watch.current.advancedAt).toBe(story.now);
});

test('what is new: another call, another result, the end of a turn with words', () => {
  const story = new Story().event(prompt);
  const advanced = (): boolean => story.watch.current.advancedAt === story.now;
  expect(story.watch.current.advancedAt, 'a prompt is not').toBeNull();
  const seen = [
    story.call('make') && advanced(),
    story.call('make') && advanced(),
    story.call('make', 'another result') && advanced(),
    story.event({ type: 'usage', requestId: 'r', model: 'm', usage: NO_USAGE }) && advanced(),
    story.event({ type: 'turn-ended', lastMessage: null, backgroundTasks: 0 }) && advanced(),
    story.event({ type: 'turn-ended', lastMessage: 'Done.', backgroundTasks: 0 }) && advanced(),
  ];
  expect(seen).toEqual([true, false, true, false, false, true]);
});

test('which tool runs since when, also of several at once', () => {
  const story = new Story().event(prompt);
  const start = (id: string, command: string): void =>
    void story.event({ type: 'tool-start', tool: 'Bash', input: { command }, toolUseId: id });
  start('a', 'npm test');
  const since = story.now;
  start('b', 'ls');
  expect(story.watch.current.tool).toEqual({ text: 'Bash: npm test', since });
  story.event({ type: 'tool-end', tool: 'Bash', toolUseId: 'a', ok: true, result: 'r' });
  expect(story.watch.current.tool?.text).toBe('Bash: ls');
  story.event({ type: 'tool-end', tool: 'Bash', toolUseId: 'b', ok: false, result: 'r' });
  expect(story.watch.current.tool).toBeNull();
});

test('the length of a turn, and how much of it a person was waited for', () => {
  const story = new Story().event(prompt);
  const began = story.now;
  const ask: ClaudeEventBody = { type: 'permission-requested', requestId: 'q', tool: 'Bash', input: {}, text: 'x' };
  story.event(ask).event({ type: 'notification', kind: 'permission_prompt', message: '' });
  story.event({ type: 'permission-settled', requestId: 'q', how: 'allowed' });
  expect(story.watch.current).toMatchObject({ turnBegan: began, waitedMs: 2000, hook: { name: 'Notification' } });
  story.event({ type: 'turn-ended', lastMessage: 'Done.', backgroundTasks: 0 });
  expect(story.watch.current).toMatchObject({ turnBegan: null, waitedMs: 0, hook: { name: 'Stop' } });
});

const NO_USAGE = { costUsd: 0, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
