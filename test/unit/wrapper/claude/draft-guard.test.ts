import { describe, expect, test } from 'vitest';
import { composerText, mayHoldDraft, obstacle } from '../../../../src/wrapper/claude/draft-guard.ts';
import { parsePresence } from '../../../../src/wrapper/terminal.ts';

const rule = `\x1b[38;5;244m${'─'.repeat(60)}`;
const screen = (...composer: string[]): string =>
  ['● All done.', '', rule, ...composer, rule, '\x1b[39m  \x1b[38;5;147m⏵⏵\x1b[39m accept edits on', ''].join('\n');

describe('the composer on recorded screens', () => {
  test('an empty one holds nothing', () => {
    expect(composerText(screen('\x1b[39m❯\u00a0\x1b[7m \x1b[0m\x1b[39m\x1b[49m'))).toBe('');
  });

  test('typed text is a draft, over all its lines', () => {
    expect(composerText(screen('\x1b[39m❯\u00a0hello draft\x1b[7m'))).toBe('hello draft');
    expect(composerText(screen('\x1b[39m❯\u00a0', '  second line\x1b[7m '))).toBe('second line');
  });

  test("Claude Code's own dim hint is none", () => {
    expect(
      composerText(screen('\x1b[39m❯\u00a0\x1b[7mR\x1b[0;2m\x1b[39m\x1b[49mesend your message to try again')),
    ).toBe('');
  });

  test('coloured text is not dim', () => {
    expect(composerText(screen('❯\u00a0\x1b[38;2;200;2;2mcoloured\x1b[39m and \x1b[38;5;2mgreen'))).toBe(
      'coloured and green',
    );
  });

  test('a command in shell mode is a draft', () => {
    expect(composerText(screen('!\u00a0\x1b[39m ls\x1b[7m \x1b[0m'))).toBe('!  ls');
  });

  test('without a composer nothing is known', () => {
    expect(composerText('$ make\nok\n')).toBeNull();
  });
});

describe('whether the pane may be taken', () => {
  const away = { attached: false, lastKeyAt: null, lastAttachedAt: null };

  test('the typing of a person is waited for until 30 s after the last key', () => {
    const typing = { attached: true, lastKeyAt: 100_000, lastAttachedAt: 50_000 };
    expect(obstacle(typing, '', 129_999)).toMatchObject({ untilMs: 130_000 });
    expect(obstacle(typing, '', 130_000)).toBeNull();
  });

  test('a draft holds for ever', () => {
    expect(obstacle(away, 'half a thought', 1e12)).toMatchObject({ untilMs: null });
  });

  test('the screen is looked at only when a person was there since the turn ended', () => {
    expect(mayHoldDraft(away, 100_000)).toBe(false);
    expect(mayHoldDraft({ ...away, lastAttachedAt: 90_000 }, 100_000)).toBe(false);
    expect(mayHoldDraft({ ...away, lastAttachedAt: 101_000 }, 100_000)).toBe(true);
    expect(mayHoldDraft({ attached: true, lastKeyAt: 1, lastAttachedAt: 1 }, 100_000)).toBe(true);
  });

  test("tmux's answer is read: attached clients, since when, and the last key of any", () => {
    expect(parsePresence('2 1795267648\n1795267700\n1795267690\n')).toEqual({
      attached: true,
      lastKeyAt: 1795267700_000,
      lastAttachedAt: 1795267648_000,
    });
    expect(parsePresence('0 \n')).toEqual({ attached: false, lastKeyAt: null, lastAttachedAt: null });
    expect(parsePresence("can't find pane")).toBeNull();
  });
});
