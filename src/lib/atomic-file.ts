import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export interface AtomicWriteOptions {
  /** Mode of the new file, exact whatever the umask (0o600). */
  mode?: number | undefined;
  /** Whether file and name survive a power loss: both are on the disk when this returns (true). */
  fsync?: boolean | undefined;
}

/**
 * Writes a file in one step: readers see the old content or the new, never a part, and the file is never more open than
 * `mode`. A symbolic link in its place is replaced, not followed. The directory must exist.
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array,
  { mode = 0o600, fsync = true }: AtomicWriteOptions = {},
): Promise<void> {
  // Same directory: rename is atomic only within a file system. The leading dot hides it from globs.
  const temporary = path.join(
    path.dirname(file),
    `.${path.basename(file).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    await writeNew(temporary, data, mode, fsync);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (fsync) await syncDirectory(path.dirname(file));
}

async function writeNew(file: string, data: string | Uint8Array, mode: number, fsync: boolean): Promise<void> {
  await using handle = await open(file, 'wx', mode);
  await handle.writeFile(data);
  await handle.chmod(mode);
  if (fsync) await handle.sync();
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}
