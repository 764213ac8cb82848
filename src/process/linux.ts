import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Kernel } from './kernel-types.ts';
import { parseProcStat, type KernelUnits, type ProcessRow } from './row.ts';

/** Types of the auxiliary vector, see getauxval(3). */
const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

/** Most looks at an empty environment, which may belong to a process within exec: some 50 µs each. */
const EXEC_LOOKS = 40;

/** Most lists of all processes, until one has no new process. */
const MOST_LISTS = 8;

/** A process may end, or turn out to be another user's, between any two calls: no fact then, and no failure. */
const VANISHED = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

export function linuxKernel(): Kernel {
  let units: KernelUnits | undefined;
  let boot: string | undefined;
  // Synchronous reads into one buffer: a whole scan costs a quarter of that with asynchronous ones.
  const buffer = Buffer.allocUnsafe(4096);

  const row = (pid: number): ProcessRow | null => {
    units ??= readUnits();
    const text = readStat(pid, buffer);
    return text === null ? null : parseProcStat(text, units);
  };
  const pids = (): number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);

  return {
    bootId: () => (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    row,
    rows: () => pids().flatMap((pid) => row(pid) ?? []),
    variable(pid, name) {
      for (let look = 1; look < EXEC_LOOKS && readEnvironment(pid) === ''; look += 1);
      return valueIn(readEnvironment(pid), name);
    },
    variables(name) {
      const found = new Map<number, string>();
      const keep = (pid: number, environment: string | null): void => {
        const value = valueIn(environment, name);
        if (value !== null) found.set(pid, value);
      };
      const empty: number[] = [];
      const read = new Set<number>();
      // Reading all processes takes longer than some live: the children that those forked meanwhile are only in the
      // next list.
      for (let list = 0, fresh = pids(); list < MOST_LISTS && fresh.length > 0; list += 1) {
        for (const pid of fresh) {
          read.add(pid);
          const environment = readEnvironment(pid);
          if (environment === '') empty.push(pid);
          else keep(pid, environment);
        }
        fresh = pids().filter((pid) => !read.has(pid));
      }
      // By now, milliseconds later, most processes have finished their exec.
      const silent = empty.filter((pid) => {
        const environment = readEnvironment(pid);
        keep(pid, environment);
        return environment === '';
      });
      return { values: found, silent };
    },
    directories() {
      const found = new Map<number, string>();
      for (const pid of pids()) {
        const directory = orVanished(() => readlinkSync(`/proc/${pid}/cwd`));
        if (directory !== null) found.set(pid, directory);
      }
      return found;
    },
  };
}

function readStat(pid: number, buffer: Buffer): string | null {
  return orVanished(() => {
    const descriptor = openSync(`/proc/${pid}/stat`, 'r');
    try {
      return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(descriptor);
    }
  });
}

/** The environment: empty for a moment while the process is within exec, and always for threads of the kernel. */
function readEnvironment(pid: number): string | null {
  return orVanished(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
}

function valueIn(environment: string | null, name: string): string | null {
  if (environment === null) return null;
  const start = `\0${name}=`;
  const text = `\0${environment}`;
  const at = text.indexOf(start);
  if (at === -1) return null;
  const end = text.indexOf('\0', at + 1);
  return text.slice(at + start.length, end === -1 ? undefined : end);
}

function orVanished<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (VANISHED.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/**
 * Page size and clock rate, which differ between machines (16 and 64 KiB pages on ARM) and which Node does not know.
 */
function readUnits(): KernelUnits {
  const vector = readFileSync('/proc/self/auxv');
  const words = new BigUint64Array(Uint8Array.from(vector).buffer, 0, Math.floor(vector.length / 8));
  const units: KernelUnits = { ticksPerSecond: 100, pageBytes: 4096 };
  for (let index = 0; index + 1 < words.length; index += 2) {
    if (words[index] === AT_PAGESZ) units.pageBytes = Number(words[index + 1]);
    if (words[index] === AT_CLKTCK) units.ticksPerSecond = Number(words[index + 1]);
  }
  return units;
}
