/**
 * Text from agents, tasks and logs without what could steer the terminal: escape sequences and control characters are
 * taken out, line feeds and tabs stay.
 */
export function plain(text: string): string {
  const sequences = /\u001B\[[0-?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)|\u001B[@-Z\\-_]/g;
  return text
    .replaceAll(sequences, '')
    .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '');
}

/** On one line, at most `most` columns. */
export function oneLine(text: string, most: number): string {
  const flat = plain(text).replaceAll(/\s+/g, ' ').trim();
  if (width(flat) <= most) return flat;
  let cut = '';
  for (const character of flat) {
    if (width(cut) + width(character) > most - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

/** East Asian wide characters and emoji take two columns. */
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/u;

/** Most text is plain ASCII, one column for each character; a table of a thousand rows asks often. */
const ONE_COLUMN_EACH = /^[\u0000-\u007F]*$/;

export function width(text: string): number {
  if (ONE_COLUMN_EACH.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}|\u200D|\uFE0F/u.test(character)) continue;
    columns += WIDE.test(character) ? 2 : 1;
  }
  return columns;
}

let segmenter: Intl.Segmenter | undefined;

/** What a person takes for one character each, however many code points it has. */
export function characters(text: string): string[] {
  segmenter ??= new Intl.Segmenter();
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Last `max` characters, from a line's start where there is one. */
export function tail(text: string, max: number): string {
  const trimmed = text.trimEnd();
  if (trimmed.length <= max) return trimmed;
  const cut = trimmed.slice(-max);
  const newline = cut.indexOf('\n');
  return newline >= 0 && newline < max / 4 ? cut.slice(newline + 1) : cut;
}

/** First `max` characters, the last one of them an ellipsis where the text is longer. */
export function clip(text: string, max: number): string {
  const trimmed = text.trim();
  return trimmed.length <= max ? trimmed : `${trimmed.slice(0, max - 1)}…`;
}
