import { readdirSync, readFileSync } from 'node:fs';

/** A clock tick of Linux, the unit of its processor times, ms. */
const TICK_MS = 10;

function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in the line may hold spaces and brackets, so from the last bracket on.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** User and system time of one process so far, ms. */
export function processorMs(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory of one process that is in RAM now, MB (10^6 bytes). */
export function residentMb(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1_024) / 1e6;
}

/** Pids of the processes with this text in their environment. */
export function processesMarked(mark: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => environmentOf(pid).split('\0').includes(mark));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // Ended meanwhile, or another user's.
  }
}

/** Page faults of all ended children for which the process has waited. */
export function childFaults(pid: number): number {
  return Number(statFields(pid)[8]);
}

/** Pids of the children that it has now. */
export function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
  return lists.join(' ').split(' ').filter(Boolean).map(Number);
}
