import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileAtomic } from '../../../src/lib/atomic-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'swarm-atomic-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('the mode is exact whatever the umask, and nothing else is left', async () => {
  const umask = process.umask(0o077);
  try {
    await writeFileAtomic(path.join(directory, 'open'), 'x', { mode: 0o644 });
  } finally {
    process.umask(umask);
  }
  await writeFileAtomic(path.join(directory, 'secret'), 'x');
  expect((await stat(path.join(directory, 'open'))).mode & 0o777).toBe(0o644);
  expect((await stat(path.join(directory, 'secret'))).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['open', 'secret']);
});

test('a reader never sees a part', async () => {
  const file = path.join(directory, 'file');
  const contents = ['a'.repeat(300_000), 'b'.repeat(500_000)];
  await writeFileAtomic(file, contents[0] ?? '');
  const writing = (async () => {
    for (let n = 0; n < 30; n += 1) await writeFileAtomic(file, contents[n % 2] ?? '', { fsync: false });
  })();
  for (let n = 0; n < 30; n += 1) expect(contents).toContain(await readFile(file, 'utf8'));
  await writing;
});

test('a link in its place is replaced and its target left alone', async () => {
  const target = path.join(directory, 'target');
  await writeFile(target, 'mine');
  await symlink(target, path.join(directory, 'link'));
  await writeFileAtomic(path.join(directory, 'link'), 'new');
  expect(await readFile(target, 'utf8')).toBe('mine');
  expect(await readFile(path.join(directory, 'link'), 'utf8')).toBe('new');
});

test('a failure leaves no litter', async () => {
  await mkdir(path.join(directory, 'taken'));
  await expect(writeFileAtomic(path.join(directory, 'taken'), 'x')).rejects.toThrow();
  expect(await readdir(directory)).toEqual(['taken']);
});
