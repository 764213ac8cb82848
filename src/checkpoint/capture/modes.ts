import type { LastCapture, Seen } from './capture-types.ts';
import type { RawPath } from '../../git/bytes.ts';
import { byPath, readModes } from '../tree/tree-extras.ts';
import type { BaseModes, SeenModes } from '../tree/tree-extras.ts';

/**
 * Whether the modes are those of the last capture. A directory's mode leaves no trace in the index file; a file's does
 * unless the file is too young.
 * @returns files that are young now; null when a mode differs
 */
export async function modesStillHold(seen: Seen, known: LastCapture): Promise<RawPath[] | null> {
  const { modes, base } = known.state.saved;
  const files = seen.work.identity === known.shadowIndex ? [...known.young, ...seen.touched] : seen.listing.files;
  const asked = new Set([...known.directories, ...files]);
  const was = modes.filter(([raw]) => asked.has(raw));
  const { odd, young } = await readModes(seen.shadow.place.worktree, [...asked], base, seen.began);
  return JSON.stringify(was) === JSON.stringify(odd) ? young : null;
}

/** The present modes. A file that git finds untouched since the last capture's index keeps its known mode. */
export async function modesNow(
  { shadow, work, touched, began }: Seen,
  known: LastCapture | null,
  { files, directories, base }: { files: readonly RawPath[]; directories: readonly RawPath[]; base: BaseModes },
): Promise<SeenModes> {
  const { worktree } = shadow.place;
  if (known === null || work.identity !== known.shadowIndex)
    return readModes(worktree, [...directories, ...files], base, began);
  const listed = new Set(files);
  const asked = new Set([...directories, ...touched, ...known.young.filter((file) => listed.has(file))]);
  const asBefore = known.state.saved.modes.filter(([raw]) => listed.has(raw) && !asked.has(raw));
  const { odd, young } = await readModes(worktree, [...asked], base, began);
  return { odd: [...asBefore, ...odd].sort(byPath), young };
}
