import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { bytesBelow } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { statOrNull } from './on-disk.ts';

/**
 * Repositories inside the worktree (directories with a `.git`) at or below `paths`. Git's checkouts delete a directory
 * that lies where a file is to be, such a repository with all its commits too, and no checkpoint holds those. The
 * search costs one `lstat` for each path and each of its parents, and more only where a directory lies. Links are not
 * followed.
 */
export function repositoriesAt(worktree: string, paths: Iterable<RawPath>): RawPath[] {
  const found = new Set<RawPath>();
  const directories = new Map<RawPath, boolean>();
  const isDirectory = (raw: RawPath): boolean => {
    let known = directories.get(raw);
    if (known === undefined) {
      known = hasRealParents(raw, isDirectory) && statOrNull(worktree, raw)?.isDirectory() === true;
      directories.set(raw, known);
    }
    return known;
  };
  for (const file of paths) if (isDirectory(file)) collect(worktree, file, found);
  return [...found].sort();
}

function hasRealParents(raw: RawPath, isDirectory: (raw: RawPath) => boolean): boolean {
  const end = raw.lastIndexOf('/');
  return end === -1 || isDirectory(raw.slice(0, end));
}

function collect(worktree: string, directory: RawPath, found: Set<RawPath>): void {
  const entries = readdirSync(bytesBelow(worktree, directory), { encoding: 'buffer', withFileTypes: true });
  if (entries.some(({ name }) => name.toString('latin1') === '.git')) {
    found.add(directory);
    return;
  }
  for (const entry of entries)
    if (entry.isDirectory()) collect(worktree, `${directory}/${entry.name.toString('latin1')}`, found);
}

/** All repositories inside a worktree, ignored ones and those inside others too. Links are not followed. */
export async function repositoriesIn(worktree: string): Promise<RawPath[]> {
  const found: RawPath[] = [];
  const open: RawPath[] = [''];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    const prefix = directory === '' ? '' : `${directory}/`;
    const entries = await readdir(bytesBelow(worktree, directory), { encoding: 'buffer', withFileTypes: true });
    for (const entry of entries) {
      const name = entry.name.toString('latin1');
      if (name === '.git') {
        if (directory !== '') found.push(directory);
      } else if (entry.isDirectory()) open.push(prefix + name);
    }
  }
  return found.sort();
}
