import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test as base, expect } from 'vitest';
import { cutTranscript, type Cut } from '../../../src/claude/cut.ts';

const OLD = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const NEW = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';

interface Folder {
  directory: string;
  file: string;
  write(lines: readonly unknown[]): void;
  cut(uuid: string): Promise<Cut>;
  result(): Record<string, unknown>[];
}

const test = base.extend('folder', async ({}, { onCleanup }): Promise<Folder> => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swarm-cut-'));
  onCleanup(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, `${OLD}.jsonl`);
  return {
    directory,
    file,
    write: (lines) =>
      writeFileSync(
        file,
        `${lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')}\n`,
      ),
    cut: (uuid) => cutTranscript({ file, uuid, sessionId: NEW }),
    result: () =>
      readFileSync(path.join(directory, `${NEW}.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
});

const message = (uuid: string, parentUuid: string | null, type = 'user', more = {}) => ({
  type,
  uuid,
  parentUuid,
  sessionId: OLD,
  message: { role: type, content: `Größe of ${uuid}` },
  ...more,
});
const TALK = [
  { type: 'permission-mode', mode: 'acceptEdits', sessionId: OLD },
  message('a', null),
  message('b', 'a', 'assistant'),
  message('side', null, 'user', { isSidechain: true }),
  message('c', 'b'),
  message('d', 'c', 'assistant'),
];

test('the beginning becomes a conversation of its own, and the old one stays as it is', async ({ folder }) => {
  folder.write(TALK);
  const before = readFileSync(folder.file);
  await expect(folder.cut('b')).resolves.toMatchObject({ verified: true });
  expect(folder.result()).toEqual(TALK.slice(0, 3).map((line) => ({ ...line, sessionId: NEW })));
  expect(readFileSync(folder.file)).toEqual(before);
  // Once more, as after a kill.
  await expect(folder.cut('b')).resolves.toMatchObject({ verified: true });
  expect(readdirSync(folder.directory).toSorted()).toEqual([`${OLD}.jsonl`, `${NEW}.jsonl`]);
});

test('what a crash left of a line is left out', async ({ folder }) => {
  folder.write([...TALK.slice(0, 3), '{"type":"user","uuid":"half', ...TALK.slice(3)]);
  await expect(folder.cut('d')).resolves.toMatchObject({ verified: true });
  expect(folder.result()).toHaveLength(TALK.length);
});

test.each<[string, readonly unknown[], string, RegExp]>([
  ['a point that is not in it', TALK, 'z', /does not hold that point/],
  [
    'a message before it that is missing',
    TALK.filter((line) => !('uuid' in line) || line.uuid !== 'b'),
    'd',
    /missing \(b\)/,
  ],
  ['messages that name each other', [message('a', 'b'), message('b', 'a', 'assistant')], 'b', /missing/],
  ['a point beside the conversation', TALK, 'side', /does not end at that point/],
])('%s is no cut, and leaves nothing', async (_name, lines, uuid, why) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swarm-cut-'));
  try {
    const file = path.join(directory, `${OLD}.jsonl`);
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const cut = await cutTranscript({ file, uuid, sessionId: NEW });
    expect(cut).toEqual({ verified: false, why: expect.stringMatching(why) as string });
    expect(readdirSync(directory)).toEqual([`${OLD}.jsonl`]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a transcript that is gone is no cut', async ({ folder }) => {
  expect(existsSync(folder.file)).toBe(false);
  await expect(folder.cut('a')).resolves.toEqual({ verified: false, why: 'its transcript is gone' });
});
