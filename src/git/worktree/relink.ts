import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Aside } from './aside.ts';

/**
 * Makes `.git` of a worktree name the worktree's place in its repository again, after an agent has removed it or made a
 * repository of its own there. Git would else commit into that one, of which no one else knows, or into whichever
 * repository lies around the worktree. What was there is moved aside.
 * @returns a sentence for people; null where all was well, or the repository knows no such worktree any more
 */
export async function relink({
  gitCommonDir,
  worktree,
}: {
  gitCommonDir: string;
  worktree: string;
}): Promise<string | null> {
  if (!existsSync(worktree)) return null;
  const file = path.join(realpathSync(worktree), '.git');
  const registry = path.join(gitCommonDir, 'worktrees');
  const linked = linkedTo(file);
  if (linked !== null && path.dirname(linked) === registry && (await namedBy(linked)) === file) return null;
  const own = await registeredAs(registry, file);
  if (own === null) return null;
  const aside = new Aside(worktree, own);
  const found = lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  if (found) await aside.take('.git');
  await writeFile(file, `gitdir: ${own}\n`);
  if (!found) return `.git of the worktree was removed, and is made anew: commits after that are in no repository.`;
  return `.git of the worktree was replaced by that of another repository, and is made anew: the result has the files, and what was there, with its commits, lies in ${aside.folders.join(', ')}.`;
}

/** The git directory that a `.git` file names; null where it is none. */
function linkedTo(file: string): string | null {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const target = /^gitdir: (.*?)\r?\n?$/s.exec(readFileSync(file, 'utf8'))?.[1];
  return target === undefined ? null : path.resolve(path.dirname(file), target);
}

async function registeredAs(registry: string, file: string): Promise<string | null> {
  for (const name of await namesIn(registry)) {
    const place = path.join(registry, name);
    if ((await namedBy(place)) === file) return place;
  }
  return null;
}

/** The `.git` file of the worktree that a place in the registry is for; null where it does not say. */
async function namedBy(place: string): Promise<string | null> {
  const text = await unlessMissing(readFile(path.join(place, 'gitdir'), 'utf8'));
  return text === null ? null : path.resolve(place, text.replace(/\r?\n$/, ''));
}

const namesIn = async (registry: string): Promise<string[]> => (await unlessMissing(readdir(registry))) ?? [];

async function unlessMissing<T>(reading: Promise<T>): Promise<T | null> {
  return reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}
