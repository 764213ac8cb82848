import { lstatSync, readdirSync } from 'node:fs';
import { bytesBelow } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';

/** The empty directories, which are listed beside the tree because git keeps none. */
export interface EmptyScan {
  empty: RawPath[];
  /** Every directory that was read, with its stat data: the scan holds as long as none of them changes. */
  seen: Map<RawPath, string>;
}

/** Stat data of a directory: a change of its entries changes the modification time. */
function signature(worktree: string, dir: RawPath): string | null {
  const stat = lstatSync(bytesBelow(worktree, dir), { throwIfNoEntry: false, bigint: true });
  return stat === undefined || !stat.isDirectory() ? null : `${stat.ino}-${stat.mtimeNs}`;
}

export function scanStillHolds(worktree: string, scan: EmptyScan): boolean {
  for (const [dir, was] of scan.seen) if (signature(worktree, dir) !== was) return false;
  return true;
}

/**
 * The empty directories at or below `bareDirs` (directories without a captured file). Ignored directories are not read:
 * `ignored` answers for the entries of the bare directories, which hold nothing but directories and ignored files.
 */
export function scanEmptyDirs(
  worktree: string,
  bareDirs: readonly RawPath[],
  ignored: ReadonlySet<RawPath>,
): EmptyScan {
  const scan: EmptyScan = { empty: [], seen: new Map() };
  const visit = (dir: RawPath): void => {
    const was = signature(worktree, dir);
    if (was === null) return;
    const entries = readEntries(worktree, dir);
    if (entries === null) return;
    scan.seen.set(dir, was);
    if (entries.length === 0) scan.empty.push(dir);
    // A nested repository has its own checkpoints or none.
    if (entries.some((entry) => entry.name === '.git')) return;
    for (const entry of entries) {
      const child = `${dir}/${entry.name}`;
      if (entry.isDirectory() && !ignored.has(child)) visit(child);
    }
  };
  for (const dir of bareDirs) visit(dir.replace(/\/$/, ''));
  scan.empty.sort();
  return scan;
}

/**
 * Whether the directories hold nothing but directories. Stops at the first file, so that a large ignored directory is
 * not walked.
 */
export function holdOnlyDirectories(worktree: string, dirs: readonly RawPath[]): boolean {
  return dirs.every((name) => {
    const dir = name.replace(/\/$/, '');
    const entries = readEntries(worktree, dir) ?? [];
    if (!entries.every((entry) => entry.isDirectory())) return false;
    return holdOnlyDirectories(
      worktree,
      entries.map((entry) => `${dir}/${entry.name}`),
    );
  });
}

/** Null when the directory vanished meanwhile, or cannot be read. */
function readEntries(worktree: string, dir: RawPath): Array<{ name: string; isDirectory(): boolean }> | null {
  try {
    const entries = readdirSync(bytesBelow(worktree, dir), { withFileTypes: true, encoding: 'buffer' });
    return entries.map((entry) => ({ name: entry.name.toString('latin1'), isDirectory: () => entry.isDirectory() }));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return null;
    throw error;
  }
}
