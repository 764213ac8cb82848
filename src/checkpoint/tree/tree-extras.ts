import { lstatSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesBelow, splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';

/** Permission bits that a fresh checkout would give under this process's umask. */
export interface BaseModes {
  file: number;
  executable: number;
  directory: number;
}

export function baseModes(umask: number): BaseModes {
  return { file: 0o666 & ~umask, executable: 0o777 & ~umask, directory: 0o777 & ~umask };
}

/** The state of a working tree that a git tree cannot hold. */
export interface TreeExtras {
  base: BaseModes;
  /** Files and directories whose permission bits are not those of `base`; links have none. */
  modes: Array<[RawPath, number]>;
  emptyDirs: RawPath[];
}

export interface Listing {
  /** Captured files. */
  files: RawPath[];
  /** Directories without any captured file, ending in `/`. */
  bareDirs: RawPath[];
}

/** Output of `git ls-files -z -t --cached --others --directory`. */
export function parseListing(output: Buffer): Listing {
  const listing: Listing = { files: [], bareDirs: [] };
  for (const record of splitNul(output)) {
    const name = record.slice(2);
    if (record.startsWith('H ')) listing.files.push(name);
    else if (record.startsWith('? ') && name.endsWith('/')) listing.bareDirs.push(name);
  }
  return listing;
}

/** Stat calls per turn of the event loop: about 1 ms, so that heartbeats and hooks are served meanwhile. */
const CHUNK = 256;

export interface SeenModes {
  /** Modes of files and directories that are not those of `base`. */
  odd: Array<[RawPath, number]>;
  /**
   * Files that changed at or after `since`. Git compares whole seconds: a second change within one is not seen in the
   * stat data that it keeps.
   */
  young: RawPath[];
}

/**
 * Reads the modes of files and directories.
 * @param since ms since 1970; the second that it lies in counts whole
 */
export async function readModes(
  worktree: string,
  paths: readonly RawPath[],
  base: BaseModes,
  since: number,
): Promise<SeenModes> {
  const seen: SeenModes = { odd: [], young: [] };
  const second = Math.floor(since / 1000) * 1000;
  for (let at = 0; at < paths.length; at += 1) {
    if (at % CHUNK === CHUNK - 1) await nextTurn();
    const raw = paths[at] ?? '';
    const stat = lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink()) continue;
    const mode = stat.mode & 0o7777;
    if (mode !== expectedMode(stat.isDirectory(), mode, base)) seen.odd.push([raw, mode]);
    if (stat.ctimeMs >= second) seen.young.push(raw);
  }
  seen.odd.sort(byPath);
  return seen;
}

export function byPath([a]: readonly [RawPath, number], [b]: readonly [RawPath, number]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The mode that git would give. It keeps one bit: the owner's right to execute. */
function expectedMode(directory: boolean, mode: number, base: BaseModes): number {
  if (directory) return base.directory;
  return (mode & 0o100) === 0 ? base.file : base.executable;
}

/** Every directory that holds one of the files, at any depth. */
export function parentsOf(files: readonly RawPath[]): RawPath[] {
  const parents = new Set<RawPath>();
  for (const file of files) {
    let end = file.lastIndexOf('/');
    while (end > 0) {
      const parent = file.slice(0, end);
      if (parents.has(parent)) break;
      parents.add(parent);
      end = parent.lastIndexOf('/');
    }
  }
  return [...parents].sort();
}
