import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ownMounts } from '../../../support/own-mounts.ts';

/**
 * The place of worlds: a file system in memory that this process alone sees, and that can be made full or read-only.
 */
export interface Disk {
  root: string;
  /** Leaves so many bytes free; null: as many as at first. */
  leave(bytes: number | null): void;
  /** False: a process has a file open for writing at this moment. */
  setReadOnly(on: boolean): boolean;
}

/** The words before a program that give it mounts of its own, and take root's right to read everything. */
export const worldMounts = (): string[] | null => ownMounts('setpriv', '--bounding-set=-dac_override,-dac_read_search');

const SIZE = 4 * 2 ** 30;

/** For a process that `worldMounts` has started; the mount ends with it. */
export function mountDisk(): Disk {
  const root = mkdtempSync(path.join(os.tmpdir(), 'swarm-property-'));
  const mount = (...options: string[]): boolean => {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', root]);
    // Busy: a process writes. A bad option, or too small a size, as newer versions say: more is in use than was to be set.
    if (status !== 0 && !/busy|bad option|too small a size/i.test(String(stderr)))
      throw new Error(`mount -o ${options.join(',')}: ${String(stderr)}`);
    return status === 0;
  };
  mount(`size=${SIZE}`);
  process.once('exit', () => {
    spawnSync('umount', ['--lazy', root]);
    rmdirSync(root);
  });
  return {
    root,
    leave: (bytes) => {
      let set = false;
      while (!set) {
        const { bsize, blocks, bfree } = statfsSync(root);
        set = mount('remount', `size=${bytes === null ? SIZE : (blocks - bfree) * bsize + bytes}`);
      }
    },
    setReadOnly: (on) => mount('remount', on ? 'ro' : 'rw'),
  };
}

/** Where no mount is allowed: a directory in memory if there is one, since the disk itself is not tested. */
export const shared = (): string => (existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir());
