import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { directoriesOf, readIndexFile, refreshed } from '../../../../src/git/repository/index-file.ts';
import type { IndexFile } from '../../../../src/git/repository/index-file.ts';

interface Entry {
  name: string;
  mtime?: number;
  dev?: number;
  mode?: number;
  blob?: number;
  stage?: number;
  extended?: boolean;
}

const OID = '0'.repeat(40);

function entryBytes({
  name,
  mtime = 1,
  dev = 1,
  mode = 0o100_644,
  blob = 7,
  stage = 0,
  extended = false,
}: Entry): Buffer {
  const stat = Buffer.alloc(40);
  stat.writeUInt32BE(mtime, 8);
  stat.writeUInt32BE(dev, 16);
  stat.writeUInt32BE(mode, 24);
  const flags = Buffer.alloc(extended ? 4 : 2);
  const length = Math.min(Buffer.byteLength(name), 0xfff);
  flags.writeUInt16BE(length | (stage << 12) | (extended ? 0x4000 : 0), 0);
  const head = Buffer.concat([stat, Buffer.alloc(20, blob), flags, Buffer.from(name)]);
  return Buffer.concat([head, Buffer.alloc(8 - (head.length % 8))]);
}

function indexBytes(entries: readonly Entry[], { version = 2, extension = '' } = {}): Buffer {
  const header = Buffer.from('DIRC0000count');
  const bytes = header.subarray(0, 12);
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(entries.length, 8);
  const extra = extension === '' ? Buffer.alloc(0) : Buffer.from(`${extension}\0\0\0\u0003abc`);
  return Buffer.concat([bytes, ...entries.map(entryBytes), extra, Buffer.alloc(20, 9)]);
}

function read(entries: readonly Entry[], options = {}): IndexFile {
  const index = readIndexFile(indexBytes(entries, options), OID);
  if (index === null) throw new Error('not read');
  return index;
}

const namesOf = (index: IndexFile): string[] => Array.from({ length: index.count }, (_, at) => index.name(at));

describe('an index file', () => {
  it('is read with names of any length, further flags and extensions', () => {
    const names = ['a', 'ab', 'abc/d', `d/${'x'.repeat(5_000)}`, 'e'];
    const entries = names.map((name, at) => ({ name, extended: at % 2 === 1 }));
    expect(namesOf(read(entries, { version: 3, extension: 'TREE' }))).toEqual(names);
  });

  it.each([
    ['names packed by their prefixes', indexBytes([{ name: 'a' }], { version: 4 })],
    ['entries in another file', indexBytes([{ name: 'a' }], { extension: 'link' })],
    ['directories as entries', indexBytes([{ name: 'a' }], { extension: 'sdir' })],
    ['an end that is missing', indexBytes([{ name: 'a' }, { name: 'b' }]).subarray(0, 100)],
    ['nothing at all', Buffer.alloc(0)],
  ])('is left to git with %s', (_, bytes) => {
    expect(readIndexFile(bytes, OID)).toBeNull();
  });

  it('names every directory above its files once', () => {
    const index = read(['a/b/c/1', 'a/b/c/2', 'a/d', 'a/e/1', 'f'].map((name) => ({ name })));
    expect(directoriesOf(index)).toEqual(['a', 'a/b', 'a/b/c', 'a/e']);
  });

  const exists = (name: string): boolean => name === 'alone-and-there';

  it('finds what a refresh has to look at: other bytes, and files that only it names and that are there', () => {
    const index = read([
      { name: 'alone-and-gone' },
      { name: 'alone-and-there' },
      { name: 'conflict', mtime: 9, stage: 1 },
      { name: 'filtered', mtime: 9, blob: 8 },
      { name: 'other-device', dev: 7 },
      { name: 'other-mode', mtime: 9, mode: 0o100_755 },
      { name: 'repository', mtime: 9, mode: 0o160_000 },
      { name: 'same' },
      { name: 'z', mtime: 9, blob: 8 },
    ]);
    const names = ['a', 'conflict', 'filtered', 'other-device', 'other-mode', 'repository', 'same', 'u', 'z'];
    const fresh = read(names.map((name) => ({ name })));
    const [stale, differing] = [
      ['alone-and-there', 'other-mode'],
      ['filtered', 'z'],
    ];
    expect(refreshed(index, fresh, exists)).toEqual({ bytes: null, known: 0, stale, differing });
  });

  it('takes over how the files lie there that have its very bytes, and is whole', () => {
    const entries = [{ name: 'a', mtime: 9 }, { name: 'b', mtime: 8, extended: true }, { name: 'c' }];
    const index = read(entries, { version: 3, extension: 'TREE' });
    const fresh = read(
      ['a', 'b', 'b2', 'c'].map((name) => ({ name, mtime: 1 })),
      {},
    );
    const { bytes, known, stale, differing } = refreshed(index, fresh, exists);
    expect([known, stale, differing]).toEqual([2, [], []]);
    const wanted = indexBytes(
      entries.map((entry) => ({ ...entry, mtime: 1 })),
      { version: 3, extension: 'TREE' },
    );
    expect(bytes?.subarray(0, -20)).toEqual(wanted.subarray(0, -20));
    const hash = createHash('sha1').update(wanted.subarray(0, -20)).digest();
    expect(bytes?.subarray(-20)).toEqual(hash);
  });
});
