import { realpath } from 'node:fs/promises';
import path from 'node:path';

/** Letters by which a part of a path is a pattern. */
const PATTERN = /[*?[\]{}()!+@\\]/;

/**
 * The place outside of the repository to which an entry of worktree.copy or worktree.link leads, by a link on its way
 * or at its end; null where it stays inside. Of a pattern only the part before its first special character can be
 * followed.
 */
export async function leadsOutside(root: string, entry: string): Promise<string | null> {
  const parts = entry.replace(/\/+$/, '').split('/');
  const first = parts.findIndex((part) => PATTERN.test(part));
  const [home, place] = await Promise.all([
    realpath(root),
    existing(path.join(root, ...(first === -1 ? parts : parts.slice(0, first)))),
  ]);
  return place === home || place.startsWith(home + path.sep) ? null : place;
}

async function existing(place: string): Promise<string> {
  try {
    return await realpath(place);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return await existing(path.dirname(place));
  }
}
