import { closeSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** A file system of limited size, in memory, over a directory. */
export interface SmallDisk {
  /** Not one page more fits on it. */
  fill(): void;
  /** What filled it is removed. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

const FILLER = '.filler';
const BLOCK_BYTES = 1024 * 1024;
const LEAST_BYTES = 1024;

/** Null, and a line that says why, where this machine lets us mount none. Linux only. */
export async function smallDisk(directory: string, bytes: number): Promise<SmallDisk | null> {
  const options = `size=${bytes},mode=700,uid=${process.getuid?.() ?? 0}`;
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { reject: false });
  if (mounted.failed) {
    console.log(`NOT TRIED: a disk that is full; no file system may be mounted here: ${mounted.stderr}`);
    return null;
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
