import { characters } from '../lib/text.ts';
import type { Action } from './keys.ts';

/** A line that is being written; `at` counts characters from its beginning. */
export interface Line {
  text: string;
  at: number;
}

export const EMPTY_LINE: Line = { text: '', at: 0 };

export function lineOf(text: string): Line {
  return { text, at: characters(text).length };
}

export function insert({ text, at }: Line, added: string): Line {
  const all = characters(text);
  const flat = characters(added.replaceAll(/\s+/g, ' ').replaceAll(/\p{Cc}/gu, ''));
  return { text: [...all.slice(0, at), ...flat, ...all.slice(at)].join(''), at: at + flat.length };
}

/** The line after an editing key; the same line for any other action. */
export function edit(line: Line, action: Action): Line {
  const all = characters(line.text);
  const { at } = line;
  const without = (from: number, to: number): Line => ({
    text: [...all.slice(0, from), ...all.slice(to)].join(''),
    at: from,
  });
  switch (action) {
    case 'left':
      return { ...line, at: Math.max(0, at - 1) };
    case 'right':
      return { ...line, at: Math.min(all.length, at + 1) };
    case 'line-start':
      return { ...line, at: 0 };
    case 'line-end':
      return { ...line, at: all.length };
    case 'erase-left':
      return at === 0 ? line : without(at - 1, at);
    case 'erase-right':
      return at === all.length ? line : without(at, at + 1);
    case 'erase-word':
      return without(
        characters(
          all
            .slice(0, at)
            .join('')
            .replace(/\S*\s*$/u, ''),
        ).length,
        at,
      );
    case 'erase-line':
      return EMPTY_LINE;
    default:
      return line;
  }
}
