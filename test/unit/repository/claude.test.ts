import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testedClaude } from '../../support/claude.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'swarm-pinned-'));
  writeFileSync(path.join(home, 'package-lock.json'), 'version 2');
});
afterEach(() => rmSync(home, { recursive: true }));

function install(version: string): void {
  mkdirSync(path.join(home, 'node_modules/.bin'), { recursive: true });
  writeFileSync(path.join(home, 'node_modules/.bin/claude'), '');
  writeFileSync(path.join(home, 'node_modules/.swarm-lock'), version);
}

test('without the pinned Claude Code a test fails at once and says what installs it', () => {
  expect(() => testedClaude(home)).toThrow(/not installed: run scripts\/setup test$/);
});

test('one that an earlier checkout installed is not taken for the pinned one', () => {
  install('version 1');
  expect(() => testedClaude(home)).toThrow(/another version .*: run scripts\/setup test$/);
  install('version 2');
  expect(testedClaude(home).program).toBe(path.join(home, 'node_modules/.bin/claude'));
});
