import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';

/** Creates the directory with its missing parents, and takes away the rights of all other users. */
export function privateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if ((statSync(directory).mode & 0o077) !== 0) chmodSync(directory, 0o700);
}

/**
 * Makes sure the file exists with mode 0600; SQLite gives its -wal and -shm the same mode. An existing file is never
 * opened here: closing any descriptor of it would drop the POSIX locks that this process holds on it through SQLite.
 */
export function privateFile(file: string): void {
  privateDirectory(path.dirname(file));
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}
