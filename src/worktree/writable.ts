import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';

/** A directory in which nothing can be made, and why not. */
export interface Unwritable {
  place: string;
  why: string;
}

/** The obstacle to writing into a directory, or to making it in the one that is there; null: none is seen. */
export function unwritable(directory: string): Unwritable | null {
  const place = existing(directory);
  if (!statSync(place).isDirectory()) return { place, why: 'it is no directory' };
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === 'EROFS';
    return { place, why: isReadOnly ? 'its file system is read-only' : 'the rights are missing' };
  }
}

/** The nearest directory above that is there; the place itself where it is. */
export function existing(place: string): string {
  return existsSync(place) || place === path.dirname(place) ? place : existing(path.dirname(place));
}
