import { readdirSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';

/** Free resources of the machine; null: could not be found out. */
export interface Machine {
  /** Bytes that are available without swapping, within the limit of a container. */
  memory: number | null;
  /** Load of the last minute, for each processor. */
  load: number | null;
  /** Free bytes on the file system in question. */
  disk: number | null;
  /** Open files that the system still allows. */
  files: number | null;
  /** Open files that this process, and its children, may still have. */
  ownFiles: number | null;
  terminals: number | null;
}

/**
 * Measures the machine.
 * @param directory any path on the file system whose space counts; the nearest existing directory above it is used
 */
export async function readMachine(directory: string): Promise<Machine> {
  return {
    memory: least(found(hostMemory), found(containerMemory)),
    load: found(() => (loadavg()[0] ?? 0) / availableParallelism()),
    disk: await freeSpace(directory),
    files: found(() => {
      const [used = 0, unused = 0, most = 0] = numbers('/proc/sys/fs/file-nr');
      return most - used + unused;
    }),
    ownFiles: found(() => {
      const [limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.slice(1) ?? [];
      return Number(limit) - readdirSync('/proc/self/fd').length;
    }),
    terminals: found(() => {
      const [most = 0] = numbers('/proc/sys/kernel/pty/max');
      const [used = 0] = numbers('/proc/sys/kernel/pty/nr');
      return most - used;
    }),
  };
}

/** A probe that fails says nothing about the machine. */
function found(probe: () => number | null): number | null {
  try {
    const value = probe();
    return value === null || Number.isNaN(value) ? null : value;
  } catch {
    return null;
  }
}

function least(...values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function numbers(file: string): number[] {
  return readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
}

function hostMemory(): number | null {
  const [kilobytes] = /^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.slice(1) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

const CGROUPS = '/sys/fs/cgroup';

/**
 * Free memory by the tightest limit of the control groups around this process (version 2); cache that can be dropped
 * counts as free.
 */
function containerMemory(): number | null {
  const [own = ''] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.slice(1) ?? [];
  const free: (number | null)[] = [];
  for (let group = own; ; group = path.dirname(group)) {
    free.push(found(() => freeIn(path.join(CGROUPS, group))));
    if (group === '' || group === '/') return least(...free);
  }
}

function freeIn(directory: string): number | null {
  const [limit = Number.NaN] = numbers(path.join(directory, 'memory.max'));
  const [used = Number.NaN] = numbers(path.join(directory, 'memory.current'));
  const stat = readFileSync(path.join(directory, 'memory.stat'), 'utf8');
  const [cache = '0'] = /^inactive_file (\d+)/m.exec(stat)?.slice(1) ?? [];
  return limit - used + Number(cache);
}

async function freeSpace(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    const above = path.dirname(directory);
    return above === directory ? null : await freeSpace(above);
  }
}
