import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { transcriptEnd } from '../../../src/wrapper/claude/transcript-end.ts';
import { endsTurn } from '../../../src/claude/transcript.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'transcript-end-'));
  file = path.join(dir, 's.jsonl');
});
afterEach(() => rmSync(dir, { recursive: true }));

const line = (type: string, uuid: string, more: object = {}): string => `${JSON.stringify({ type, uuid, ...more })}\n`;
const says = (uuid: string, text: string): string =>
  line('assistant', uuid, { message: { content: [{ type: 'text', text }] } });
const asks = (uuid: string, text: string): string => line('user', uuid, { message: { content: text } });
const before = asks('u1', 'do it') + says('a1', 'Done "so".') + line('system', 's1', { subtype: 'turn_duration' });

it('knows the end of a turn, and not that of the one before', async () => {
  const ended = async (text: string, words: string | null): Promise<boolean> => {
    writeFileSync(file, text);
    return await endsTurn(file, words);
  };
  expect(await ended(before, 'Done "so".')).toBe(true);
  expect(await ended(before, null)).toBe(true);
  const asked = before + asks('u2', 'again');
  expect(await ended(asked, 'Done "so".')).toBe(false);
  expect(await ended(asked + line('attachment', 'x2'), 'Done "so".')).toBe(false);
  expect(await ended(asked + says('a2', 'Done\n"so".'), 'Done\n"so".')).toBe(true);
  expect(await ended(asked + says('a2', 'I begin.'), 'Done "so".')).toBe(false);
  expect(await ended(asked + says('a2', 'I begin.'), null)).toBe(false);
  expect(await ended(`${asked}${says('a2', 'Done.').slice(0, -5)}`, 'Done.')).toBe(false);
  expect(await endsTurn(path.join(dir, 'none'), 'Done.')).toBe(false);
});

it('waits for the lines that come after the Stop hook, and not for ever', async () => {
  let looks = 0;
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms: number, run: () => void) => {
      looks += 1;
      if (looks === 3) appendFileSync(file, says('a2', 'Done again.'));
      setImmediate(run);
      return () => {};
    },
  };
  writeFileSync(file, before + asks('u2', 'again'));
  expect(await transcriptEnd(file, { lastWords: 'Done again.' }, clock)).toBe('a2');
  expect(looks).toBe(3);
  expect(await transcriptEnd(file, null, clock)).toBe('a2');
  expect(looks).toBe(3);
  expect(await transcriptEnd(file, { lastWords: 'Never written.' }, clock)).toBe('a2');
  expect(looks).toBeGreaterThan(50);
});
