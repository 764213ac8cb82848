import { statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { bytesBelow, printable } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';

/** Below the worktree's git directory; in a hidden directory beside the worktree, where that is another file system. */
export const ASIDE = 'swarm-aside';

/** True when files that no checkpoint holds were moved aside here, and a person has not taken them away since. */
export async function holdsAside(gitDir: string): Promise<boolean> {
  const names = await readdir(path.join(gitDir, ASIDE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.length > 0;
}

/**
 * The place where one clean-up of a worktree puts files that no checkpoint holds. Only a person deletes it: it may be
 * the one copy of their work. The directory is made with the first file that goes there.
 */
export class Aside {
  readonly #worktree: string;
  readonly #gitDir: string;
  #folders: string[] = [];

  constructor(worktree: string, gitDir: string) {
    this.#worktree = worktree;
    this.#gitDir = gitDir;
  }

  /** Absolute paths; usually none or one. */
  get folders(): readonly string[] {
    return this.#folders;
  }

  /**
   * Moves a file aside, or a directory with everything below it. Error: `cannot-put-aside`; then it stays where it was.
   */
  async take(file: RawPath): Promise<void> {
    const name = file.replace(/\/$/, '');
    const beside = path.join(path.dirname(this.#worktree), `.${ASIDE}`, path.basename(this.#worktree));
    const last = this.#folders.at(-1) ?? (await this.#begin(path.join(this.#gitDir, ASIDE)));
    try {
      await move(this.#worktree, last, name).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EXDEV' || last.startsWith(beside)) throw error;
        await move(this.#worktree, await this.#begin(beside), name);
      });
      await this.#repair(name);
    } catch (cause) {
      throw new SwarmError('cannot-put-aside', `${printable(name)} is in no checkpoint and cannot be moved away`, {
        hint: `Move it out of ${this.#worktree}, then try again.`,
        cause,
        retrySafe: true,
      });
    }
  }

  /** Has git know a linked worktree by its new place: else it would forget it, and a commit that only its HEAD names. */
  async #repair(name: RawPath): Promise<void> {
    const moved = path.join(this.#folders.at(-1) ?? '', printable(name));
    if (statSync(path.join(moved, '.git'), { throwIfNoEntry: false })?.isFile() !== true) return;
    // 1: what was moved is no worktree, but a submodule.
    await runGit(['worktree', 'repair', moved], { cwd: this.#worktree, okCodes: [1] });
  }

  async #begin(parent: string): Promise<string> {
    await mkdir(parent, { recursive: true });
    const folder = await mkdtemp(path.join(parent, `${Date.now()}-`));
    this.#folders.push(folder);
    return folder;
  }
}

async function move(worktree: string, folder: string, name: RawPath): Promise<void> {
  const parent = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
  await mkdir(parent === '' ? folder : bytesBelow(folder, parent), { recursive: true });
  await rename(bytesBelow(worktree, name), bytesBelow(folder, name));
}
