import type { Action } from './keys.ts';

/** A line that is being written; `at` counts characters from its beginning. */
export interface Line {
  text: string;
  at: number;
}

export const EMPTY_LINE: Line = { text: '', at: 0 };

export function lineOf(text: string): Line {
  return { text, at: [...text].length };
}

export function insert({ text, at }: Line, added: string): Line {
  const characters = [...text];
  const flat = [...added.replaceAll(/\s+/g, ' ').replaceAll(/\p{Cc}/gu, '')];
  return { text: [...characters.slice(0, at), ...flat, ...characters.slice(at)].join(''), at: at + flat.length };
}

/** The line after an editing key; the same line for any other action. */
export function edit(line: Line, action: Action): Line {
  const characters = [...line.text];
  const { at } = line;
  const without = (from: number, to: number): Line => ({ text: [...characters.slice(0, from), ...characters.slice(to)].join(''), at: from });
  switch (action) {
    case 'left':
      return { ...line, at: Math.max(0, at - 1) };
    case 'right':
      return { ...line, at: Math.min(characters.length, at + 1) };
    case 'line-start':
      return { ...line, at: 0 };
    case 'line-end':
      return { ...line, at: characters.length };
    case 'erase-left':
      return at === 0 ? line : without(at - 1, at);
    case 'erase-right':
      return at === characters.length ? line : without(at, at + 1);
    case 'erase-word':
      return without([...characters.slice(0, at).join('').replace(/\S*\s*$/u, '')].length, at);
    case 'erase-line':
      return EMPTY_LINE;
    default:
      return line;
  }
}
