import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** Letters by which a part of a path is a pattern. */
const PATTERN = /[*?[\]{}()!+@\\]/;

/**
 * The place outside of the repository to which an entry of worktree.copy or worktree.link leads; null where it stays
 * inside. Of a pattern only the part before its first special character can be followed; what it finds is looked at by
 * `outsideOf` when it is looked for.
 */
export async function leadsOutside(root: string, key: 'copy' | 'link', entry: string): Promise<string | null> {
  const parts = entry.replace(/\/+$/, '').split('/');
  const first = parts.findIndex((part) => PATTERN.test(part));
  return await outsideOf(root, key, (first === -1 ? parts : parts.slice(0, first)).join('/'));
}

/**
 * The place outside of the repository to which a name below its root leads, by a link on its way or at its end; null
 * where it stays inside. A link to a file may end outside for `copy`, which takes what the file holds.
 */
export async function outsideOf(root: string, key: 'copy' | 'link', name: string): Promise<string | null> {
  const [home, place, parent] = await Promise.all([
    realpath(root),
    existing(path.join(root, name)),
    existing(path.dirname(path.join(root, name))),
  ]);
  if (isIn(home, place)) return null;
  return key === 'copy' && isIn(home, parent) && (await stat(place)).isFile() ? null : place;
}

function isIn(home: string, place: string): boolean {
  return place === home || place.startsWith(home + path.sep);
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
