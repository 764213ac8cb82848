import { clip } from '../../lib/text.ts';
import type { Presence } from '../contract/effects.ts';

/** A person whose last key is younger than this is at the keyboard, ms. */
export const TYPING_MS = 30_000;

export type Obstacle = { detail: string; untilMs: number | null } | null;

/**
 * What forbids to replace the process in the pane now; null: nothing.
 * @param composer text in the composer; null = not looked at, or no composer seen
 */
export function obstacle(presence: Presence | null, composer: string | null, now: number): Obstacle {
  if (presence === null) return null;
  if (presence.attached && presence.lastKeyAt !== null && now - presence.lastKeyAt < TYPING_MS) {
    return { detail: 'a person is typing in the pane', untilMs: presence.lastKeyAt + TYPING_MS };
  }
  if (composer !== null && composer !== '') {
    return { detail: `a draft is in the composer: "${clip(composer, 60)}"`, untilMs: null };
  }
  return null;
}

/**
 * True when a person may have left a draft.
 * @param since epoch ms: the end of the last turn, after which a draft could have been begun
 */
export function mayHoldDraft(presence: Presence | null, since: number): boolean {
  if (presence === null) return false;
  return presence.attached || (presence.lastAttachedAt !== null && presence.lastAttachedAt >= since - 1_000);
}

const ANSI = /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]/g;
const RULE = /^[\s╭╰│]*─{10,}/;
/** The composer's first line: `❯ text`, or `! command` in its shell mode. */
const COMPOSER = /^[\s│]*(?:[❯>](?:[\s\u00a0](.*))?|!\u00a0(.*))$/;

/**
 * The text that a person has typed into Claude Code's composer and not sent, from the screen with colours
 * (`capture-pane -e`). Last evidence only: Claude Code does not promise the form of its screen. Null when no composer
 * is seen.
 */
export function composerText(screen: string): string | null {
  const raw = screen.split('\n');
  const plain = raw.map((line) => line.replace(ANSI, ''));
  const first = plain.findLastIndex((line) => COMPOSER.test(line));
  if (first < 0) return null;
  const match = COMPOSER.exec(plain[first] ?? '');
  // A hint in an empty composer is dim but for its first letter, where the cursor stands.
  if (hasDim(raw[first] ?? '')) return '';
  const rule = plain.findIndex((line, index) => index > first && RULE.test(line));
  const more = plain.slice(first + 1, rule < 0 ? first + 1 : rule);
  const mark = match?.[2] === undefined ? '' : '! ';
  return [`${mark}${match?.[1] ?? match?.[2] ?? ''}`, ...more]
    .map((line) => line.replace(/[│|]\s*$/, '').trim())
    .join(' ')
    .trim();
}

/** Whether the line has SGR 2 (dim), which is not the 2 within a colour: `38;2;r;g;b`, `38;5;2`. */
function hasDim(line: string): boolean {
  for (const [, parameters] of line.matchAll(/\x1b\[([0-9;]*)m/g)) {
    const codes = (parameters ?? '').split(';').map(Number);
    for (let at = 0; at < codes.length; at += 1) {
      if (codes[at] === 38 || codes[at] === 48) at += codes[at + 1] === 2 ? 4 : 2;
      else if (codes[at] === 2) return true;
    }
  }
  return false;
}
