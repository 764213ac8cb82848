import { describe, expect, test } from 'vitest';
import { table } from '../../../src/cli/say/output.ts';
import { fit, wrap } from '../../../src/dashboard/text.ts';
import { cut, oneLine, width } from '../../../src/lib/columns.ts';
import { characters, clip, tail } from '../../../src/lib/text.ts';
import { screen } from '../cli/run.ts';

const FAMILY = '👨‍👩‍👧';
const FLAG = '🇩🇪';
const HEART = '❤️';
const KEYCAP = '1️⃣';
/** A Chinese character outside the first plane of Unicode. */
const ASTRAL = '𠮷';
const ALL = [FAMILY, FLAG, HEART, KEYCAP, ASTRAL, '中', '🎉', '👍🏽'];

describe('the width of text', () => {
  test.each(ALL)('%s takes two columns', (character) => {
    expect(width(character)).toBe(2);
    expect(width(`a${character}b`)).toBe(4);
  });

  test.each([
    ['plain', 5],
    ['naïve é', 7],
    ['e\u0301', 1],
    ['─ … ·', 5],
    ['', 0],
  ])('%j takes %i', (text, columns) => {
    expect(width(text)).toBe(columns);
  });
});

describe('a cut', () => {
  const text = `${ALL.join('')} end`;

  test('leaves at most so many columns, and whole characters', () => {
    const whole = characters(text);
    for (let most = 1; most <= width(text) + 1; most += 1) {
      const line = oneLine(text, most);
      expect(width(line)).toBeLessThanOrEqual(most);
      expect(width(line)).toBeGreaterThanOrEqual(Math.min(width(text), most - 1));
      const kept = characters(line.replace('…', ''));
      expect(kept).toEqual(whole.slice(0, kept.length));
    }
    expect(oneLine(text, width(text))).toBe(text);
    expect(oneLine('abcdef', 4)).toBe('abc…');
    expect(cut('  two  spaces', 7)).toBe('  two …');
  });

  test('at a number of characters halves none of them, at either end', () => {
    const long = `${FAMILY}${FLAG}`.repeat(20);
    for (let most = 1; most <= 60; most += 1) {
      const first = clip(long, most);
      expect(first.length).toBeLessThanOrEqual(most);
      expect(characters(first.slice(0, -1)).every((one) => one === FAMILY || one === FLAG)).toBe(true);
      const last = tail(long, most);
      expect(last.length).toBeLessThanOrEqual(most);
      expect(characters(last).every((one) => one === FAMILY || one === FLAG)).toBe(true);
    }
    expect([clip('abcdef', 4), tail('abcdef', 4)]).toEqual(['abc…', 'cdef']);
  });
});

describe('what people see', () => {
  test('the columns of a table stand below each other, whatever is in them', () => {
    const lines = table(
      screen().output,
      ['TITLE', 'WHY'],
      ALL.map((one) => [one, 'x']),
    );
    expect(lines.slice(1).map((line) => width(line.slice(0, line.lastIndexOf('x'))))).toEqual(ALL.map(() => 7));
  });

  test('a cell of the dashboard is exactly as wide as its column', () => {
    expect([3, 4, 5].map((columns) => fit(FAMILY.repeat(3), columns))).toEqual([
      `${FAMILY}…`,
      `${FAMILY}… `,
      `${FAMILY}${FAMILY}…`,
    ]);
    for (const one of ALL) expect([3, 4, 5].map((columns) => width(fit(one.repeat(3), columns)))).toEqual([3, 4, 5]);
  });

  test('a long word is wrapped between its characters', () => {
    expect(wrap(FAMILY.repeat(5), 4)).toEqual([FAMILY.repeat(2), FAMILY.repeat(2), FAMILY]);
  });
});
