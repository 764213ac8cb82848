import { clip, plain } from '../lib/text.ts';

/** What a program that ended early had printed. */
export interface LastWords {
  /** The line that tells most. */
  line: string;
  /** The last lines, oldest first. */
  lines: string[];
}

const LINES = 20;
const LINE_CHARS = 300;
/** Lines of a stack trace, and of tmux about a dead pane. */
const NOISE = /^(at |throw |[\^{}()[\];~]+$|code: |node:|file:|Node\.js v|ended with (signal|exit code) )/;
const OF_A_FAILURE =
  /\b(\w*error|fatal|cannot|can't|could not|unable|not|no such|denied|refused|blocked|failed|invalid|missing)\b/i;

/**
 * The words on a screen, without those that were there before; null: none.
 * @param before what the same screen showed when the program was started
 */
export function lastWords(screen: string, before = ''): LastWords | null {
  const shown = printed(screen);
  const known = printed(before);
  const lines = shown
    .slice(seenOf(known, shown))
    .map((line) => clip(line, LINE_CHARS))
    .filter((line) => line !== '')
    .slice(-LINES);
  const telling = lines.filter((line) => !NOISE.test(line));
  const line = telling.find((candidate) => OF_A_FAILURE.test(candidate)) ?? telling.at(-1);
  return line === undefined ? null : { line, lines };
}

function printed(screen: string): string[] {
  const text = plain(screen).trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => line.trim());
}

/** How many of the first lines were there before: the screen may have moved on by some. */
function seenOf(known: readonly string[], shown: readonly string[]): number {
  for (let moved = 0; moved < known.length; moved += 1) {
    const rest = known.slice(moved);
    if (rest.every((line, at) => shown[at] === line)) return rest.length;
  }
  return 0;
}
