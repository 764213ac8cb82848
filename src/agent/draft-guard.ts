import type { Presence } from './ports.ts';

/** A person whose last key is younger is at the keyboard, ms. */
export const TYPING_MS = 30_000;

export type Obstacle = { detail: string; untilMs: number | null } | null;

/**
 * May the process in the pane be replaced now? The screen is looked at only when somebody has been there since.
 * @param since epoch ms: the end of the last turn, after which a draft could have been begun
 * @param composer text in the composer; null = not looked at, or none to be seen
 */
export function obstacle(presence: Presence | null, composer: string | null, now: number): Obstacle {
  if (presence === null) return null;
  if (presence.attached && presence.lastKeyAt !== null && now - presence.lastKeyAt < TYPING_MS) {
    return { detail: 'a person is typing in the pane', untilMs: presence.lastKeyAt + TYPING_MS };
  }
  if (composer !== null && composer !== '') {
    return { detail: `a draft is in the composer: "${composer.slice(0, 60)}"`, untilMs: null };
  }
  return null;
}

/** True when somebody may have left a draft. */
export function mayHoldDraft(presence: Presence | null, since: number): boolean {
  if (presence === null) return false;
  return presence.attached || (presence.lastAttachedAt !== null && presence.lastAttachedAt >= since - 1_000);
}

const ANSI = /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]/g;
/** Hints that Claude Code shows in an empty composer are dim, or reversed in their first letter (the cursor). */
const DIM = /\x1b\[(?:[0-9;]*;)?2(?:;[0-9;]*)?m/;

/**
 * The text that a person has typed into Claude Code's composer and not sent, from the screen with colours
 * (`capture-pane -e`). Last evidence only: the form of the screen is nobody's promise. Null when no composer is seen.
 */
export function composerText(screen: string): string | null {
  const lines = screen.split('\n');
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const raw = lines[index] ?? '';
    const match = /^[\s│|]*[❯>](?:[\s\u00a0](.*))?$/.exec(raw.replace(ANSI, ''));
    if (match === null) continue;
    const between = (raw.split(/[❯>]/)[1] ?? '').trimStart();
    if (DIM.test(between)) return '';
    return (match[1] ?? '').replace(/[│|]\s*$/, '').trim();
  }
  return null;
}
