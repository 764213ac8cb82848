import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOURCES = path.resolve(import.meta.dirname, '../../../src');
/** A command of swarm outside of backticks would not be shown as this person types it. */
const BARE = /(?<!\\?`)\bswarm (?:up|down|status|dash|task|logs|attach|checkpoint|rollback|broker|merge|diff|resume)\b/;

test('commands in hints stand in backticks', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  const bare = files.flatMap((name) => {
    const text = readFileSync(path.join(SOURCES, name), 'utf8');
    // A hint ends where the next option or the error itself does.
    const hints = text.match(/\b(?:hint|cure)(?:: | =)[^;]*?(?:,\n|;|\})/g) ?? [];
    return hints.filter((hint) => BARE.test(hint)).map((hint) => `${name}: ${hint}`);
  });
  expect(bare).toEqual([]);
});
