import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rm, rmdir, symlink, unlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { printable, splitNul } from '../git/bytes.ts';
import { runGit } from '../git/git.ts';
import { settleLink } from './setup-links.ts';

export interface Bring {
  root: string;
  worktree: string;
  /** Names below the root (see sources.ts). */
  copy: readonly string[];
  link: readonly string[];
  /** Links of an earlier set-up: those that are no longer wanted are removed. */
  oldLinks: readonly string[];
  signal: AbortSignal;
}

export interface Brought {
  links: string[];
  /** Paths that must never be committed: a whole entry where git tracks nothing in it, else file by file. */
  brought: string[];
  /** Notes for people about files that were left unchanged. */
  notes: string[];
}

/**
 * Copies and links files that git does not bring. A file that git tracks, in the checkout or in the worktree, is never
 * touched.
 */
export async function bringFiles(options: Bring): Promise<Brought> {
  const bringing = new Bringing(options, await trackedBelow(options));
  for (const name of options.oldLinks) if (!options.link.includes(name)) await bringing.unlink(name);
  for (const name of options.copy) await bringing.copy(name);
  for (const name of options.link) await bringing.link(name);
  await bringing.settleLinks();
  return { links: bringing.links, brought: bringing.brought, notes: bringing.notes };
}

/** The files below the named entries that git tracks, in the checkout or in the worktree. */
async function trackedBelow({ root, worktree, copy, link, signal }: Bring): Promise<Set<string>> {
  if (copy.length + link.length === 0) return new Set();
  const args = ['--literal-pathspecs', 'ls-files', '-z', '--', ...copy, ...link];
  const [there, here] = await Promise.all([root, worktree].map((cwd) => runGit(args, { cwd, signal })));
  return new Set([there, here].flatMap((result) => splitNul(result?.stdout ?? Buffer.alloc(0)).map(printable)));
}

class Bringing {
  readonly #options: Bring;
  readonly #tracked: ReadonlySet<string>;
  readonly links: string[] = [];
  readonly brought: string[] = [];
  readonly notes: string[] = [];
  readonly #copiedLinks: string[] = [];

  constructor(options: Bring, tracked: ReadonlySet<string>) {
    this.#options = options;
    this.#tracked = tracked;
  }

  async unlink(name: string): Promise<void> {
    if (await this.#isOwnLink(name)) await unlink(this.#to(name));
  }

  async copy(name: string): Promise<void> {
    const whole = !this.#holdsTracked(name);
    if (this.#tracked.has(name) || !(await this.#openParents(name))) return;
    if (whole) this.brought.push(name);
    await this.#copyInto(name, !whole);
  }

  async link(name: string): Promise<void> {
    const to = this.#to(name);
    if (this.#tracked.has(name) || this.#holdsTracked(name)) {
      this.notes.push(`link: ${name} holds what git tracks, so it is not linked`);
      return;
    }
    if (!(await this.#openParents(name))) return;
    const there = await stat(to);
    if (there?.isDirectory() === true && !(await removeEmpty(to))) {
      this.notes.push(`link: ${name} is there already, so it is not linked`);
      return;
    }
    if (there !== null && !there.isDirectory()) await unlink(to);
    await symlink(this.#from(name), to);
    this.links.push(name);
    this.brought.push(name);
  }

  /** Where a copied link leads is known once everything is in its place. */
  async settleLinks(): Promise<void> {
    for (const name of this.#copiedLinks.toSorted()) {
      this.#options.signal.throwIfAborted();
      const note = await settleLink(this.#options.root, this.#options.worktree, name);
      if (note !== null) this.notes.push(note);
    }
  }

  /** @param each notes every file by itself, since the folder as a whole may hold files that are to be committed */
  async #copyInto(name: string, each: boolean): Promise<void> {
    this.#options.signal.throwIfAborted();
    const source = await stat(this.#from(name));
    if (source === null || this.#tracked.has(name)) return;
    if (source.isDirectory()) {
      await this.#copyFolder(name, source.mode, each);
      return;
    }
    if (!source.isFile() && !source.isSymbolicLink()) {
      this.notes.push(`copy: ${name} is neither file, folder nor link, so it is not copied`);
      return;
    }
    const to = this.#to(name);
    if ((await stat(to))?.isDirectory() === true) {
      this.notes.push(`copy: ${name} is a folder in the worktree, so it is not copied`);
      return;
    }
    // A link at that place is replaced, never written through.
    await rm(to, { force: true });
    if (source.isSymbolicLink()) {
      await symlink(await readlink(this.#from(name)), to);
      this.#copiedLinks.push(name);
    } else {
      await copyFile(this.#from(name), to, constants.COPYFILE_FICLONE);
      await chmod(to, source.mode & 0o7777);
    }
    if (each) this.brought.push(name);
  }

  async #copyFolder(name: string, mode: number, each: boolean): Promise<void> {
    const to = this.#to(name);
    const there = await stat(to);
    if (there !== null && !there.isDirectory()) {
      if (!(await this.#isOwnLink(name))) {
        this.notes.push(`copy: ${name} is no folder in the worktree, so it is not copied`);
        return;
      }
      await unlink(to);
    }
    await mkdir(to, { recursive: true, mode: 0o700 });
    for (const child of await readdir(this.#from(name))) await this.#copyInto(`${name}/${child}`, each);
    if (there === null || !there.isDirectory()) await chmod(to, mode & 0o7777);
  }

  /** A link that an agent made among the parent folders must not lead out of the worktree. */
  async #openParents(name: string): Promise<boolean> {
    let place = this.#options.worktree;
    for (const part of name.split('/').slice(0, -1)) {
      place = path.join(place, part);
      const there = await stat(place);
      if (there === null) await mkdir(place);
      else if (!there.isDirectory()) {
        this.notes.push(
          `${path.relative(this.#options.worktree, place)} is no folder in the worktree: ${name} is left out`,
        );
        return false;
      }
    }
    return true;
  }

  async #isOwnLink(name: string): Promise<boolean> {
    const to = this.#to(name);
    return (await stat(to))?.isSymbolicLink() === true && (await readlink(to)) === this.#from(name);
  }

  #holdsTracked(name: string): boolean {
    for (const one of this.#tracked) if (one.startsWith(`${name}/`)) return true;
    return false;
  }

  #from(name: string): string {
    return path.join(this.#options.root, name);
  }

  #to(name: string): string {
    return path.join(this.#options.worktree, name);
  }
}

async function stat(file: string): Promise<Stats | null> {
  try {
    return await lstat(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function removeEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
