import { readFileSync } from 'node:fs';
import { descendants, type ProcessTable } from './table.ts';
import type { ProcessRow } from './row.ts';

/**
 * The programs that an agent runs below its wrapper, without the agent: tools, checks and commands get a session of
 * their own; the agent's processes (and servers that it keeps) are in the wrapper's. Parents before children.
 */
export function workOf(wrapper: number, table: ProcessTable): ProcessRow[] {
  const root = table.rows.get(wrapper);
  if (root === undefined) return [];
  return descendants(wrapper, table).filter(({ session, alive }) => alive && session !== root.session);
}

/** CPU time and transferred bytes of some processes, those of waited-for children included, since each began. */
export interface WorkDone {
  cpuMs: number;
  /**
   * Bytes of files, pipes, terminals; of sockets only those moved by read and write. 0 where the system does not tell.
   */
  ioBytes: number;
}

export function workDone(rows: readonly ProcessRow[], ioOf: (pid: number) => number = readIo): WorkDone {
  return {
    cpuMs: rows.reduce((sum, row) => sum + row.cpuMs + row.childCpuMs, 0),
    ioBytes: rows.reduce((sum, { pid }) => sum + ioOf(pid), 0),
  };
}

/** The process is gone, or another user's: no fact. */
const NO_FACT = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

function readIo(pid: number): number {
  if (process.platform !== 'linux') return 0;
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'utf8');
    return [...text.matchAll(/^[rw]char: (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  } catch (error) {
    if (NO_FACT.has((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}
