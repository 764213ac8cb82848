import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';
import type { ProcessRow } from './row.ts';

/** All processes at one moment. */
export interface ProcessTable {
  /** Monotonic, ms. */
  at: number;
  rows: ReadonlyMap<number, ProcessRow>;
  children: ReadonlyMap<number, readonly ProcessRow[]>;
}

/** Scans all processes, synchronously: about 5 ms for 300. All callers of one tick should share one scan. */
export function scanProcesses(source: Kernel = kernel): ProcessTable {
  return tableOf(source.rows(), performance.now());
}

export function tableOf(list: readonly ProcessRow[], at: number): ProcessTable {
  const rows = new Map<number, ProcessRow>();
  const children = new Map<number, ProcessRow[]>();
  for (const row of list) {
    rows.set(row.pid, row);
    const siblings = children.get(row.ppid);
    if (siblings === undefined) children.set(row.ppid, [row]);
    else siblings.push(row);
  }
  return { at, rows, children };
}

/**
 * All processes below `pid`, itself excluded, parents before children, zombies too. Only attached ones: a process whose
 * parent died belongs to init.
 * @param through false keeps the walk from entering that process
 */
export function descendants(
  pid: number,
  table: ProcessTable,
  through: (row: ProcessRow) => boolean = () => true,
): ProcessRow[] {
  const found: ProcessRow[] = [];
  const seen = new Set([pid]);
  const queue = [pid];
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    for (const child of table.children.get(parent) ?? []) {
      // The table is not read at one instant: reused pids can make it cyclic.
      if (seen.has(child.pid) || !through(child)) continue;
      seen.add(child.pid);
      found.push(child);
      queue.push(child.pid);
    }
  }
  return found;
}
