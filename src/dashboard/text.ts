import { styleText } from 'node:util';
import { fill, oneLine, width } from '../lib/columns.ts';
import { characters, plain } from '../lib/text.ts';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan' | 'inverse';

/** Gives a text its colour, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export const unpainted: Paint = (_style, text) => text;

/** Coloured where the stream is a terminal that wants colour (NO_COLOR, FORCE_COLOR and TERM are heeded). */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (style, text) => (text === '' ? '' : styleText(style, text, { stream }));
}

/** The text in exactly so many columns: cut, or filled with spaces. */
export function fit(text: string, columns: number): string {
  return fill(oneLine(text, columns), columns);
}

/** The text in lines of at most so many columns, cut between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  return plain(text)
    .replaceAll('\t', '  ')
    .split('\n')
    .flatMap((line) => wrapLine(line, columns));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = '';
  let used = 0;
  for (const word of line.split(/(?<=\s)/u)) {
    if (used > 0 && used + width(word.trimEnd()) > columns) {
      lines.push(current.trimEnd());
      current = '';
      used = 0;
    }
    // A word longer than the line is cut where the line ends.
    for (const character of width(word) > columns ? characters(word) : [word]) {
      const taken = width(character);
      if (used > 0 && used + taken > columns && character.trim() !== '') {
        lines.push(current);
        current = '';
        used = 0;
      }
      current += character;
      used += taken;
    }
  }
  return [...lines, current.trimEnd()];
}

/**
 * Local time of day, or the date for another day. A time and not an age: an age changes every second, and each change
 * costs a frame.
 */
export function clock(iso: string, now: Date): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return '';
  const two = (value: number): string => String(value).padStart(2, '0');
  if (at.toDateString() === now.toDateString()) return `${two(at.getHours())}:${two(at.getMinutes())}`;
  return `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function money(usd: number): string {
  return usd === 0 ? '' : `$${usd < 0.1 ? usd.toFixed(3) : usd.toFixed(2)}`;
}

/** One column of a table: as wide as its widest cell, at most `most`. */
export interface Column<Row> {
  most: number;
  cell(row: Row): string;
  style?(row: Row): Style | undefined;
}

/**
 * Each row as one line of at most `columns`; the last column gets the rest, and a column without text takes no room.
 */
export function tableLines<Row>(
  rows: readonly Row[],
  shown: readonly Column<Row>[],
  columns: number,
  paint: Paint,
): string[] {
  const widths = shown.map(({ cell, most }) =>
    rows.reduce((widest, row) => Math.min(most, Math.max(widest, width(cell(row)))), 0),
  );
  return rows.map((row) => {
    let left = columns;
    const cells = shown.flatMap(({ cell, style }, at) => {
      const room = Math.min(left, at === shown.length - 1 ? left : (widths[at] ?? 0));
      if (room <= 0) return [];
      left -= room + 2;
      const text = fit(cell(row), room);
      const colour = style?.(row);
      return [colour === undefined ? text : paint(colour, text)];
    });
    return cells.join('  ');
  });
}
