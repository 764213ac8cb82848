import { createHash } from 'node:crypto';
import type { RawPath } from '../bytes.ts';

const HEADER_BYTES = 12;
/** Times, device, inode, mode, owner, size. */
const STAT_BYTES = 40;
const NAME_LENGTH = 0x0fff;
const STAGE = 0x3000;
const EXTENDED = 0x4000;
const ASSUMED_UNCHANGED = 0x8000;
/** Among the further flags of an extended entry. */
const SKIPPED = 0x4000;
/** Where in the stat data git looks for a change: everything but the device, which it ignores, and the mode. */
const COMPARED = [0, 4, 8, 12, 20, 28, 32, 36] as const;
const MODE_AT = 24;
const GITLINK = 0o160_000;
const SLASH = 0x2f;
const SHA1_BYTES = 20;

/** An index file, read in place: twenty thousand entries are no twenty thousand objects. */
export interface IndexFile {
  readonly count: number;
  name(at: number): RawPath;
  /** Compares in git's order: by the bytes of the name. */
  compareName(at: number, other: IndexFile, otherAt: number): number;
  /** Whether the entries are equal byte for byte: name, content, mode, flags and stat data. */
  sameEntry(at: number, other: IndexFile, otherAt: number): boolean;
  /** Whether stat gave the same answer when the two entries were written. */
  sameStat(at: number, other: IndexFile, otherAt: number): boolean;
  /** False: git has never compared the file with this entry, or found it changed. */
  hasStat(at: number): boolean;
  sameContent(at: number, other: IndexFile, otherAt: number): boolean;
  sameMode(at: number, other: IndexFile, otherAt: number): boolean;
  isUnmerged(at: number): boolean;
  /** Whether the entry is a repository inside the worktree: git keeps no stat data of it. */
  isRepository(at: number): boolean;
  /** Whether git does not look at the file: it is assumed unchanged, or skipped in the worktree. */
  isHidden(at: number): boolean;
  readonly bytes: Buffer;
  readonly hashBytes: number;
  readonly view: DataView;
  start(at: number): number;
  end(at: number): number;
  nameRange(at: number): readonly [number, number];
}

/**
 * Reads an index file. Null for other formats: names packed by their prefixes (version 4), entries that lie in another
 * file (split) or stand for whole directories (sparse).
 * @param oid any object id of the repository; its length tells the hash
 */
export function readIndexFile(bytes: Buffer, oid: string): IndexFile | null {
  const hashBytes = oid.length / 2;
  if (bytes.length < HEADER_BYTES + hashBytes || bytes.toString('latin1', 0, 4) !== 'DIRC') return null;
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) return null;
  const count = bytes.readUInt32BE(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  const fixed = STAT_BYTES + hashBytes + 2;
  const last = bytes.length - hashBytes;
  const flagsOf = (start: number): number => view.getUint16(start + fixed - 2);
  const nameAt = (start: number): number => start + fixed + ((flagsOf(start) & EXTENDED) === 0 ? 0 : 2);
  let at = HEADER_BYTES;
  for (let entry = 0; entry < count; entry += 1) {
    if (at + fixed >= last) return null;
    const from = nameAt(at);
    const length = flagsOf(at) & NAME_LENGTH;
    const end = length < NAME_LENGTH ? from + length : bytes.indexOf(0, from);
    if (end === -1 || end >= last) return null;
    starts[entry] = at;
    ends[entry] = end;
    // One to eight zeros fill the entry up to a multiple of eight.
    at += ((end - at + 8) >> 3) << 3;
  }
  if (hasForeignEntries(bytes, at, last)) return null;
  const start = (entry: number): number => starts[entry] ?? 0;
  const endOf = (entry: number): number => ends[entry] ?? 0;
  const nameRange = (entry: number) => [nameAt(start(entry)), endOf(entry)] as const;
  const isSame = (from: number, to: number, other: Buffer, otherFrom: number, otherTo: number): boolean =>
    to - from === otherTo - otherFrom && bytes.compare(other, otherFrom, otherTo, from, to) === 0;
  return {
    count,
    bytes,
    hashBytes,
    view,
    start,
    end: endOf,
    nameRange,
    name: (entry) => bytes.toString('latin1', ...nameRange(entry)),
    compareName: (entry, other, otherEntry) => {
      const [from, to] = nameRange(entry);
      const [otherFrom, otherTo] = other.nameRange(otherEntry);
      return bytes.compare(other.bytes, otherFrom, otherTo, from, to);
    },
    sameEntry: (entry, other, otherEntry) =>
      isSame(start(entry), endOf(entry), other.bytes, other.start(otherEntry), other.end(otherEntry)),
    sameContent: (entry, other, otherEntry) => {
      const [mine, others] = [start(entry), other.start(otherEntry)];
      const [from, to] = [STAT_BYTES, STAT_BYTES + hashBytes];
      return isSame(mine + from, mine + to, other.bytes, others + from, others + to);
    },
    sameMode: (entry, other, otherEntry) =>
      view.getUint32(start(entry) + MODE_AT) === other.view.getUint32(other.start(otherEntry) + MODE_AT),
    sameStat: (entry, other, otherEntry) => {
      const [mine, others] = [start(entry), other.start(otherEntry)];
      return COMPARED.every((field) => view.getUint32(mine + field) === other.view.getUint32(others + field));
    },
    hasStat: (entry) => COMPARED.some((field) => view.getUint32(start(entry) + field) !== 0),
    isUnmerged: (entry) => (flagsOf(start(entry)) & STAGE) !== 0,
    isRepository: (entry) => view.getUint32(start(entry) + MODE_AT) === GITLINK,
    isHidden: (entry) => {
      const flags = flagsOf(start(entry));
      if ((flags & ASSUMED_UNCHANGED) !== 0) return true;
      return (flags & EXTENDED) !== 0 && (view.getUint16(start(entry) + fixed) & SKIPPED) !== 0;
    },
  };
}

/** `link`: the entries of another file count too; `sdir`: an entry may be a directory. */
function hasForeignEntries(bytes: Buffer, from: number, last: number): boolean {
  let at = from;
  while (at + 8 <= last) {
    const name = bytes.toString('latin1', at, at + 4);
    if (name === 'link' || name === 'sdir') return true;
    at += 8 + bytes.readUInt32BE(at + 4);
  }
  return at !== last;
}

export interface Refreshed {
  /** The index with the known stat data; null: it is up to date as it is. */
  bytes: Buffer | null;
  /** Number of entries that changed. */
  known: number;
  /** Names of the files that git would have to look at. */
  stale: RawPath[];
  /** Names of files with other bytes: changed, unless git converts what it stores. */
  differing: RawPath[];
}

/**
 * Does what `git update-index --refresh` would do, as far as that is possible without a look at the files: `fresh` has
 * the stat data of the present files, which is taken for those with the same content as in `index`. An entry that git
 * has not compared yet is left to it, since a conversion may change the content. `exists` is called for files that
 * `fresh` does not have.
 */
export function refreshed(index: IndexFile, fresh: IndexFile, exists: (name: RawPath) => boolean): Refreshed {
  const stale: RawPath[] = [];
  const differing: RawPath[] = [];
  const known: (readonly [number, number])[] = [];
  let beside = 0;
  for (let at = 0; at < index.count; at += 1) {
    // Most entries are equal, and one comparison shows it.
    if (beside < fresh.count && index.sameEntry(at, fresh, beside)) {
      beside += 1;
      continue;
    }
    if (index.isUnmerged(at) || index.isRepository(at)) continue;
    let order = -1;
    while (beside < fresh.count && (order = fresh.compareName(beside, index, at)) < 0) beside += 1;
    const isBeside = beside < fresh.count && order === 0;
    if (isBeside ? index.sameStat(at, fresh, beside) : !exists(index.name(at))) continue;
    if (isBeside && !index.sameContent(at, fresh, beside)) differing.push(index.name(at));
    else if (isBeside && index.hasStat(at) && index.sameMode(at, fresh, beside)) known.push([at, beside]);
    else stale.push(index.name(at));
  }
  const bytes = known.length === 0 ? null : withStat(index, fresh, known);
  return { bytes, known: known.length, stale, differing };
}

function withStat(index: IndexFile, fresh: IndexFile, entries: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.from(index.bytes);
  for (const [at, beside] of entries) {
    const from = fresh.start(beside);
    fresh.bytes.copy(bytes, index.start(at), from, from + STAT_BYTES);
  }
  const end = bytes.length - index.hashBytes;
  // With `index.skipHash` git writes no hash and checks none.
  if (bytes.subarray(end).every((byte) => byte === 0)) return bytes;
  const hash = index.hashBytes === SHA1_BYTES ? 'sha1' : 'sha256';
  createHash(hash).update(bytes.subarray(0, end)).digest().copy(bytes, end);
  return bytes;
}

/** Every directory that holds one of the files, at any depth. */
export function directoriesOf(index: IndexFile): RawPath[] {
  const found = new Set<RawPath>();
  const { bytes } = index;
  let [lastFrom, lastEnd] = [0, 0];
  for (let at = 0; at < index.count; at += 1) {
    const [from, to] = index.nameRange(at);
    const slash = bytes.lastIndexOf(SLASH, to - 1);
    const end = slash < from ? from : slash;
    // Neighbours most often lie in the same directory.
    const same = end - from === lastEnd - lastFrom && bytes.compare(bytes, lastFrom, lastEnd, from, end) === 0;
    if (!same && end > from) addWithParents(found, bytes.toString('latin1', from, end));
    [lastFrom, lastEnd] = [from, end];
  }
  return [...found].sort();
}

function addWithParents(found: Set<RawPath>, directory: RawPath): void {
  for (let end = directory.length; end > 0; end = directory.lastIndexOf('/', end - 1)) {
    const parent = directory.slice(0, end);
    if (found.has(parent)) return;
    found.add(parent);
  }
}
