import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { bytesBelow } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { blobId } from './git-state.ts';

/** Most files that are hashed here; of more, git counts the changes. */
const MOST_FILES = 100;
const MOST_BYTES = 4_000_000;

/**
 * Number of files that differ. `records` (`:oldmode newmode oldid newid status`, path, …) name those whose stat data
 * differs: one may have been written with the text that it had. Hashing a few files is cheaper than a process. Null
 * when there are many.
 */
export function countChanges(worktree: string, records: readonly string[], added: number): number | null {
  if (records.length > 2 * MOST_FILES) return null;
  let count = added;
  let bytes = 0;
  for (let at = 0; at + 1 < records.length; at += 2) {
    const [oldMode, newMode, oldId = ''] = (records[at] ?? '').slice(1).split(' ');
    if (oldMode !== newMode) {
      count += 1;
      continue;
    }
    const content = contentOf(worktree, records[at + 1] ?? '', MOST_BYTES - bytes);
    if (content === null) return null;
    bytes += content.length;
    if (blobId(content, oldId) !== oldId) count += 1;
  }
  return count;
}

function contentOf(worktree: string, file: RawPath, most: number): Buffer | null {
  const full = bytesBelow(worktree, file);
  try {
    const stat = lstatSync(full);
    if (stat.isSymbolicLink()) return readlinkSync(full, { encoding: 'buffer' });
    return stat.isFile() && stat.size <= most ? readFileSync(full) : null;
  } catch {
    // The file vanishes at this moment, or cannot be read: git is asked what it stored.
    return null;
  }
}
