import { closeSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** A file system of limited size, in memory, over a directory. */
export interface SmallDisk {
  /** Fills it to the last page. */
  fill(): void;
  /** Removes the filling. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

const FILLER = '.filler';
const BLOCK_BYTES = 1024 * 1024;
const LEAST_BYTES = 1024;

/**
 * Makes a small disk. Linux only.
 * @throws where no mount is allowed; scripts/test lets the suites that need it mount for themselves
 */
export async function smallDisk(directory: string, bytes: number): Promise<SmallDisk> {
  const options = `size=${bytes},mode=700,uid=${process.getuid?.() ?? 0}`;
  const { failed, stderr } = await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], {
    reject: false,
  });
  if (failed) {
    const advice = `this machine has to allow it to root, or to every user by \`unshare -rm\`; start it by scripts/test`;
    throw new Error(`no file system of ${bytes} bytes can be mounted to be filled: ${stderr}\n${advice}`);
  }
  const filler = path.join(directory, FILLER);
  return {
    fill: () => fill(filler),
    free: () => rm(filler, { force: true }),
    unmount: async () => void (await execa('umount', [directory])),
  };
}

function fill(filler: string): void {
  const file = openSync(filler, 'a');
  try {
    for (let size = BLOCK_BYTES; size >= LEAST_BYTES;) {
      if (!written(file, Buffer.alloc(size))) size /= 2;
    }
  } finally {
    closeSync(file);
  }
}

function written(file: number, block: Buffer): boolean {
  try {
    return writeSync(file, block) === block.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
