import { expect, test } from 'vitest';
import type { Key } from 'ink';
import { keyNames } from '../../../src/dashboard/key-names.ts';

const plain = {} as Key;

test('keys that come together are told apart, those with Ctrl too', () => {
  expect(keyNames('1a\u0015green\r', plain)).toEqual(['1', 'a', 'ctrl+u', 'g', 'r', 'e', 'e', 'n', 'enter']);
  expect(keyNames('x\u0001\u0003', plain)).toEqual(['x', 'ctrl+a', 'ctrl+c']);
  expect(keyNames('a\tb\u007F', plain)).toEqual(['a', 'tab', 'b', 'backspace']);
});
