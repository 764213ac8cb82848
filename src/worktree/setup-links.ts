import { constants } from 'node:fs';
import { chmod, copyFile, readlink, realpath, stat, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a copied link lead from the worktree to what it leads to from the checkout. It stays as it is where that is so
 * already; else a file takes its place, with what is at its end, or a link to the folder there. All other files must be
 * in the worktree by then.
 * @param name path below `root` and `worktree`; in both a link
 * @returns a note for people, where agents now share a folder with them
 */
export async function settleLink(root: string, worktree: string, name: string): Promise<string | null> {
  const [from, to] = [path.join(root, name), path.join(worktree, name)];
  const [home, here, wanted, place] = await Promise.all([realpath(root), realpath(worktree), end(from), end(to)]);
  if (wanted === null) {
    const [text, target] = [await readlink(from), await targetOf(from)];
    // From another folder the same words could lead to something.
    if (!path.isAbsolute(text) && !isBelow(path.resolve(root), target)) await replace(to, target);
    return null;
  }
  const counterpart = isBelow(home, wanted) ? path.join(here, path.relative(home, wanted)) : wanted;
  if (place === wanted || place === counterpart) return null;
  const there = await stat(wanted);
  if (!there.isFile()) {
    await replace(to, wanted);
    return `copy: ${name} is a link: agents see, and change, ${wanted}`;
  }
  await unlink(to);
  await copyFile(wanted, to, constants.COPYFILE_FICLONE);
  await chmod(to, there.mode & 0o7777);
  return null;
}

/** Where a link leads that leads nowhere. */
export async function targetOf(link: string): Promise<string> {
  return path.resolve(path.dirname(link), await readlink(link));
}

/** The real place at the end of all links; null where there is nothing. */
export async function end(link: string): Promise<string | null> {
  try {
    return await realpath(link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}

async function replace(link: string, target: string): Promise<void> {
  await unlink(link);
  await symlink(target, link);
}

function isBelow(directory: string, place: string): boolean {
  return place === directory || place.startsWith(directory + path.sep);
}
