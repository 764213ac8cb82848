import { expect, test } from 'vitest';
import { isDialog, readScreen } from '../../../src/claude/screen.ts';

const RULE = '─'.repeat(80);
const composer = (draft = '') => [
  RULE,
  `❯ ${draft}`,
  RULE,
  '  ⏵⏵ accept edits on (shift+tab to cycle) · esc to interrupt',
];

/** As captured of Claude Code 2.1.330. */
test.each<[string, string[], ReturnType<typeof readScreen>]>([
  ['at work', ['❯ Do it', '● Swirling…', ...composer()], null],
  [
    'retries',
    ['❯ Do it', '✻ 500 scripted fault · retrying in 17s · attempt 6/10', ...composer()],
    { kind: 'retrying', text: '500 scripted fault · retrying in 17s · attempt 6/10' },
  ],
  [
    'suspended by Ctrl-Z',
    [
      '● Hashing…',
      ...composer(),
      'Claude Code is suspended. Run `fg` to bring it back.',
      'To undo typing, press ctrl+_.',
      '',
      '',
    ],
    { kind: 'suspended', text: 'Claude Code is suspended. Run `fg` to bring it back.' },
  ],
  [
    'the trust dialog',
    [
      ' Accessing workspace:',
      ' /home/ada/src/shop',
      ' Quick safety check: Is this a project you created or one you trust?',
      ' ❯ 1. Yes, I trust this folder',
      '   2. No, exit',
      ' Enter to confirm · Esc to cancel',
    ],
    { kind: 'trust', text: 'Accessing workspace:' },
  ],
  [
    'an API key that was not approved',
    ['  Detected a custom API key in your environment', '  ❯ 2. No (recommended)'],
    { kind: 'api-key', text: 'Detected a custom API key in your environment' },
  ],
  [
    'the notice about the costs of permission mode auto, below the prompt of its turn',
    [
      '❯ Do it',
      '● Bash(python3 -c "print(6*7)")',
      RULE,
      "  We're changing auto mode to no longer charge for classifier requests in Claude Code.",
      "  However, this session isn't eligible because your requests go through gateway.example.com, which isn't",
      '  compatible with this update.',
      '  Enter to continue · Esc to cancel',
    ],
    {
      kind: 'auto-mode',
      text: "We're changing auto mode to no longer charge for classifier requests in Claude Code.",
    },
  ],
  [
    'an agent that speaks of that notice',
    ['● It says: We are changing auto mode to no longer charge for it', ...composer()],
    null,
  ],
  ['an empty screen', ['', ''], null],
  ['an agent that speaks of dialogs', ['● It says: Accessing workspace, trust this folder', ...composer()], null],
  [
    'an agent that speaks of retries, far above',
    ['● retrying in 5s · attempt 1/3', ...Array(12).fill('text'), ...composer()],
    null,
  ],
  [
    'words of a person about a suspension',
    ['❯ Claude Code is suspended.', ...composer('Claude Code is suspended.')],
    null,
  ],
])('%s', (_title, lines, expected) => {
  expect(readScreen(lines.join('\n'))).toEqual(expected);
});

test('a dialog is one also in colours; retries and a suspension are none', () => {
  const screen = '\x1b[1m Accessing workspace:\x1b[0m\n \x1b[36m❯\x1b[0m 1. Yes, I trust this folder';
  expect(isDialog(readScreen(screen))).toBe(true);
  expect(isDialog({ kind: 'retrying', text: '' }) || isDialog({ kind: 'suspended', text: '' }) || isDialog(null)).toBe(
    false,
  );
});
