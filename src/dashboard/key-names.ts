import type { Key } from 'ink';
import { characters } from '../lib/text.ts';

const NAMED: readonly (readonly [keyof Key, string])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
];

/** Characters that a terminal sends for keys, when they come together with others. */
const CONTROL: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\r\n': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007F': 'backspace',
  '\b': 'backspace',
};

/**
 * The keys behind one event of Ink: more than one where the person types faster than Ink reads. A key that is not in
 * the key map gets a name too, so that it is not taken for another.
 */
export function keyNames(input: string, key: Key): string[] {
  if (key.tab) return [key.shift ? 'shift+tab' : 'tab'];
  const named = NAMED.find(([flag]) => key[flag] === true);
  if (named !== undefined) return [modified(named[1], key)];
  if (input === '') return [];
  if (key.ctrl) return [`ctrl+${input}`];
  if (key.meta || key.super === true || key.hyper === true) return [`alt+${input}`];
  return characters(input).map((character) => CONTROL[character] ?? controlKey(character) ?? character);
}

/** Ctrl and a letter, when it comes together with others: U+0001 is Ctrl-a, and so on. */
function controlKey(character: string): string | null {
  const code = character.codePointAt(0) ?? 0;
  return code >= 1 && code <= 26 ? `ctrl+${String.fromCodePoint(0x60 + code)}` : null;
}

function modified(name: string, key: Key): string {
  if (key.ctrl) return `ctrl+${name}`;
  // Escape itself comes with meta set.
  return key.meta && name !== 'escape' ? `alt+${name}` : name;
}

/** A text key, as opposed to a named one. */
export function isCharacter(key: string): boolean {
  return characters(key).length === 1 && !/\p{Cc}/u.test(key);
}
