import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * `mkdir -p`. Node's own tries for ever where the system denies the existence of a directory that exists, as below
 * /proc.
 * @throws the system's error; `EEXIST` where a file is in the way
 */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
  try {
    await mkdir(directory, { mode });
    return;
  } catch (error) {
    if (isThere(error, directory)) return;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const parent = path.dirname(directory);
  if (parent !== directory && !existsSync(parent)) await makeDirectory(parent, mode);
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    // Another process has made it meanwhile.
    if (!isThere(error, directory)) throw error;
  }
}

function isThere(error: unknown, directory: string): boolean {
  const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
  return isTaken && statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
}
