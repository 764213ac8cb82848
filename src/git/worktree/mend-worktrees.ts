import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { gitText, runGit } from '../git.ts';

export interface Mend {
  gitCommonDir: string;
  /** Further places where a worktree may be by now that git knows at `place`. */
  elsewhere(place: string): string[];
}

/** A linked worktree by the two files of git that name each other. */
interface Link {
  /** Its git directory: `worktrees/NAME` of the repository. */
  gitDir: string;
  /** Where the worktree was when git last looked. */
  was: string;
  /** Where it is. */
  place: string;
  /** The git directory that its `.git` names. */
  named: string;
}

/**
 * Joins a repository whose folder was renamed with its linked worktrees again, whether these were renamed along or stayed
 * where they were, and each of these with its submodules. `git worktree repair` would also take worktrees from another
 * repository that was made at the earlier place, and leaves submodules. Can be repeated after a kill at any point.
 * @returns the real places of the linked worktrees that are there
 */
export async function mendWorktrees({ gitCommonDir, elsewhere }: Mend): Promise<string[]> {
  const kept = path.join(gitCommonDir, 'worktrees');
  if (!existsSync(kept)) return [];
  const places: string[] = [];
  for (const name of readdirSync(kept)) {
    const link = findLink(path.join(kept, name), elsewhere);
    if (link === null) continue;
    // The file in the worktree last: with its earlier text the submodules' earlier places can be told.
    await mendSubmodules(link, path.join(link.gitDir, 'modules'));
    await mend(link);
    places.push(link.place);
  }
  return places;
}

function findLink(gitDir: string, elsewhere: Mend['elsewhere']): Link | null {
  const dotGit = read(path.join(gitDir, 'gitdir'));
  if (dotGit === null) return null;
  const was = path.dirname(path.resolve(gitDir, dotGit));
  for (const place of [was, ...elsewhere(was)]) {
    const text = /^gitdir: (.*)$/s.exec(read(path.join(place, '.git')) ?? '')?.[1];
    if (text === undefined) continue;
    const named = realPlace(path.resolve(place, text));
    const isLost = !existsSync(named) && named.endsWith(path.join(path.sep, 'worktrees', path.basename(gitDir)));
    if (named === gitDir || isLost) return { gitDir, was, place, named };
  }
  return null;
}

async function mend({ gitDir, was, place, named }: Link): Promise<void> {
  if (place !== was) await point(path.join(gitDir, 'gitdir'), '', gitDir, path.join(place, '.git'));
  if (named !== gitDir) await point(path.join(place, '.git'), 'gitdir: ', place, gitDir);
}

/** Rewrites a file that names a place, relative to `from` where it did so. */
async function point(file: string, prefix: string, from: string, to: string): Promise<void> {
  const before = (read(file) ?? '').slice(prefix.length);
  const text = path.isAbsolute(before) ? to : path.relative(from, to);
  await writeFileAtomic(file, `${prefix}${text}\n`, { mode: statSync(file).mode & 0o777 });
}

/** @param modules a folder with git directories of submodules, whose names may have slashes */
async function mendSubmodules(link: Link, modules: string): Promise<void> {
  if (!existsSync(modules)) return;
  for (const entry of readdirSync(modules, { withFileTypes: true })) {
    const gitDir = path.join(modules, entry.name);
    if (!entry.isDirectory()) continue;
    if (!existsSync(path.join(gitDir, 'HEAD'))) {
      await mendSubmodules(link, gitDir);
      continue;
    }
    await mendSubmodule(link, gitDir);
    await mendSubmodules(link, path.join(gitDir, 'modules'));
  }
}

async function mendSubmodule(link: Link, gitDir: string): Promise<void> {
  const config = path.join(gitDir, 'config');
  const args = ['config', '-f', config];
  // Git goes to the submodule from its git directory, and fails where there is none.
  const cwd = path.dirname(path.dirname(link.gitDir));
  const text = await gitText([...args, '--get', 'core.worktree'], { cwd, okCodes: [1] });
  const submodule = text === '' ? null : placeOfSubmodule(link, gitDir, text);
  if (submodule === null) return;
  if (path.resolve(gitDir, text) !== submodule)
    await runGit([...args, 'core.worktree', path.relative(gitDir, submodule)], { cwd });
  const named = read(path.join(submodule, '.git'))?.slice('gitdir: '.length) ?? '';
  if (path.resolve(submodule, named) !== gitDir)
    await point(path.join(submodule, '.git'), 'gitdir: ', submodule, gitDir);
}

/** Where the submodule is that was at `text` when its git directory was where the worktree says; null: nowhere. */
function placeOfSubmodule({ gitDir: worktreeGitDir, was, place, named }: Link, gitDir: string, text: string) {
  const before = path.join(named, path.relative(worktreeGitDir, gitDir));
  const found = [path.resolve(gitDir, text), path.join(place, path.relative(was, path.resolve(before, text)))].find(
    (submodule) => submodule.startsWith(place + path.sep) && isFile(path.join(submodule, '.git')),
  );
  return found ?? null;
}

const realPlace = (place: string): string => (existsSync(place) ? realpathSync(place) : place);

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true;

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch {
    // The worktree is gone, or elsewhere.
    return null;
  }
}
