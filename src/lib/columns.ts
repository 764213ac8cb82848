import stringWidth from 'string-width';
import { plain, segments } from './text.ts';

/** Most text is plain ASCII, one column for each character, and a table of a thousand rows measures many texts. */
const ONE_COLUMN_EACH = /^[\u0000-\u007F]*$/;

/** Columns on a terminal, of text without escape sequences: East Asian wide characters and emoji take two. */
export function width(text: string): number {
  return ONE_COLUMN_EACH.test(text) ? text.length : stringWidth(text);
}

/** The text on one line, at most `most` columns. */
export function oneLine(text: string, most: number): string {
  return cut(plain(text).replaceAll(/\s+/g, ' ').trim(), most);
}

/** The text within `most` columns, cut between characters, with an ellipsis where it is wider. */
export function cut(text: string, most: number): string {
  if (ONE_COLUMN_EACH.test(text)) return text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`;
  let used = 0;
  let kept = 0;
  for (const { segment, index } of segments(text)) {
    used += width(segment);
    if (used > most) return `${text.slice(0, kept)}…`;
    if (used < most) kept = index + segment.length;
  }
  return text;
}

/** The text filled with spaces up to `columns`; wider text stays as it is. */
export function fill(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}
