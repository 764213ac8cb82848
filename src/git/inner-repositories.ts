import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { bytesBelow } from './bytes.ts';
import type { RawPath } from './bytes.ts';

/** Null where nothing lies, and below a file or a link that turns in a circle. */
function statOrNull(worktree: string, raw: RawPath): Stats | null {
  try {
    return lstatSync(bytesBelow(worktree, raw), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/**
 * Repositories of their own (a directory with a `.git`) at or below `paths`. Git's checkouts delete whatever directory
 * lies where a file is to be, such a repository with all its commits, and no checkpoint holds those. A look costs one
 * `lstat` for each path and each of its parents, and more only where a directory lies. Links are not followed.
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

/**
 * Files and links that a checkout of `paths` would overwrite or delete: at them, below them, and in the place of a
 * directory above them. Repositories of their own are not entered.
 */
export function filesAt(worktree: string, paths: Iterable<RawPath>): RawPath[] {
  const found = new Set<RawPath>();
  const clear = new Set<RawPath>();
  for (const file of paths) {
    const blocker = firstBlocker(worktree, file, clear);
    if (blocker === null) collectFiles(worktree, file, found);
    else if (blocker !== '') found.add(blocker);
  }
  return [...found].sort();
}

/** The first parent that is no directory, '' for one that is not there; those that are directories are remembered. */
function firstBlocker(worktree: string, file: RawPath, directories: Set<RawPath>): RawPath | null {
  for (let end = file.indexOf('/'); end !== -1; end = file.indexOf('/', end + 1)) {
    const parent = file.slice(0, end);
    if (directories.has(parent)) continue;
    const stat = statOrNull(worktree, parent);
    if (stat === null) return '';
    if (!stat.isDirectory()) return parent;
    directories.add(parent);
  }
  return null;
}

function collectFiles(worktree: string, raw: RawPath, found: Set<RawPath>): void {
  const stat = statOrNull(worktree, raw);
  if (stat === null) return;
  if (!stat.isDirectory()) {
    found.add(raw);
    return;
  }
  const names = readdirSync(bytesBelow(worktree, raw), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  if (names.includes('.git')) return;
  for (const name of names) collectFiles(worktree, `${raw}/${name}`, found);
}

/** All repositories of their own inside a worktree, ignored ones and those inside others too. Links are not followed. */
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
