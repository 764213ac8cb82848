/**
 * Text from agents, tasks and logs that cannot steer the terminal: without escape sequences and control characters but
 * line feeds and tabs.
 */
export function plain(text: string): string {
  const sequences = /\u001B\[[0-?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)|\u001B[@-Z\\-_]/g;
  return text
    .replaceAll(sequences, '')
    .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '');
}

let segmenter: Intl.Segmenter | undefined;

/** Splits text into characters as people count them, however many code points one has. */
export function segments(text: string): Intl.Segments {
  // Made at its first use: that takes a third of the time in which a command starts.
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

export function characters(text: string): string[] {
  return Array.from(segments(text), ({ segment }) => segment);
}

/** The end of a text, at most `max` UTF-16 units, cut between characters, from a line's start where there is one. */
export function tail(text: string, max: number): string {
  const trimmed = text.trimEnd();
  if (trimmed.length <= max) return trimmed;
  const end = trimmed.slice(boundary(trimmed, trimmed.length - max).after);
  const newline = end.indexOf('\n');
  return newline >= 0 && newline < max / 4 ? end.slice(newline + 1) : end;
}

/** The beginning of a text, at most `max` UTF-16 units, cut between characters, with an ellipsis where it is longer. */
export function clip(text: string, max: number): string {
  const trimmed = text.trim();
  return trimmed.length <= max ? trimmed : `${trimmed.slice(0, boundary(trimmed, max - 1).before)}…`;
}

/** Two such characters are never one together, but for a line end of two, which may be parted. */
const STAND_ALONE = /^[\u0000-\u02FF]{2}$/;

/** The nearest boundaries between characters; `at` itself where it is one. */
function boundary(text: string, at: number): { before: number; after: number } {
  const here = { before: at, after: at };
  if (STAND_ALONE.test(text.slice(at - 1, at + 1))) return here;
  const found = segments(text).containing(at);
  return found === undefined || found.index === at
    ? here
    : { before: found.index, after: found.index + found.segment.length };
}
