import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * `mkdir -p`. Node's own tries for ever where the system says of a directory that is there that it is not, as below
 * /proc. @throws what the system says; `EEXIST` where a file is in the way
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
    // Somebody else was quicker.
    if (!isThere(error, directory)) throw error;
  }
}

function isThere(error: unknown, directory: string): boolean {
  const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
  return isTaken && statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
}
