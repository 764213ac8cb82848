import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { lastUuid, readTail, sessionExists, transcriptPath } from '../../../src/claude/index.ts';

const test = base.extend<{ file: { path: string; env: { HOME: string } } }>({
  file: async ({}, use) => {
    const home = await mkdtemp(path.join(tmpdir(), 'sw-transcript-'));
    const file = transcriptPath({ HOME: home }, '/project', 's');
    await mkdir(path.dirname(file), { recursive: true });
    await use({ path: file, env: { HOME: home } });
    await rm(home, { recursive: true });
  },
});

const said = (uuid: string, type = 'user', more = {}) =>
  `${JSON.stringify({ type, uuid, message: { content: 'ü' }, ...more })}\n`;

test('the tail comes in whole lines, however they were cut', async ({ file }) => {
  expect(await readTail(file.path, 0)).toMatchObject({ offset: 0, lines: [], more: false });
  const second = said('b');
  await writeFile(file.path, said('a') + second.slice(0, 20));
  const first = await readTail(file.path, 0);
  expect(first.lines.map(({ uuid }) => uuid)).toEqual(['a']);
  expect((await readTail(file.path, first.offset)).lines).toEqual([]);
  await appendFile(file.path, `${second.slice(20)}half a line of a crash\n${said('c')}`);
  const rest = await readTail(file.path, first.offset);
  expect(rest.lines.map(({ uuid }) => uuid)).toEqual(['b', 'c']);
  expect((await readTail(file.path, rest.offset)).lines).toEqual([]);
});

test('a file that became shorter is read again from its start', async ({ file }) => {
  await writeFile(file.path, said('a') + said('b'));
  const { offset } = await readTail(file.path, 0);
  await writeFile(file.path, said('c'));
  expect((await readTail(file.path, offset)).lines.map(({ uuid }) => uuid)).toEqual(['c']);
});

test('a long file comes in parts, a line longer than a part in one', async ({ file }) => {
  const big = said('big', 'user', { text: 'x'.repeat(17 * 1024 * 1024) });
  await writeFile(file.path, said('a') + big + said('z'));
  const seen: unknown[] = [];
  for (let offset = 0, more = true; more;) {
    const tail = await readTail(file.path, offset);
    seen.push(...tail.lines.map(({ uuid }) => uuid));
    ({ offset, more } = tail);
  }
  expect(seen).toEqual(['a', 'big', 'z']);
  expect(await lastUuid(file.path)).toBe('z');
});

test('the last line of the conversation is neither a half one, nor a side chain, nor a note', async ({ file }) => {
  expect(await lastUuid(file.path)).toBeNull();
  await writeFile(
    file.path,
    said('a') +
      said('b', 'assistant') +
      said('c', 'user', { isSidechain: true }) +
      said('d', 'last-prompt') +
      '{"type":"user","uuid":"e"',
  );
  expect(await lastUuid(file.path)).toBe('b');
});

test('a session exists once something was said in it, wherever it was begun', async ({ file }) => {
  expect(await sessionExists(file.env, '/project', 's')).toBe(false);
  await writeFile(file.path, '{"type":"mode"}\n');
  expect(await sessionExists(file.env, '/project', 's')).toBe(false);
  await appendFile(file.path, said('a'));
  expect(await sessionExists(file.env, '/project', 's')).toBe(true);
  expect(await sessionExists(file.env, '/elsewhere', 's')).toBe(true);
  expect(await sessionExists(file.env, '/project', 'other')).toBe(false);
});
