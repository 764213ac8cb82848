import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';
import { descendants, type ProcessTable } from './table.ts';

export interface TreeUsage {
  /** Living processes, the root included. */
  processes: number;
  /** Sum of resident sets; pages that processes share are counted by each. */
  rssBytes: number;
  /** 100 = one core busy all the time between the two scans; null without an earlier scan of the same tree. */
  cpuPercent: number | null;
}

/** The resources that the tree under `root` used between two scans. Null when the root is gone. */
export function treeUsage(before: ProcessTable | null, after: ProcessTable, root: number): TreeUsage | null {
  const now = measure(after, root);
  if (now === null) return null;
  const then = before === null ? null : measure(before, root);
  const elapsed = before === null ? 0 : after.at - before.at;
  const known = then !== null && then.startTime === now.startTime && elapsed > 0;
  const cpuPercent = known ? Math.max(0, ((now.cpuMs - then.cpuMs) / elapsed) * 100) : null;
  return { processes: now.processes, rssBytes: now.rssBytes, cpuPercent };
}

/**
 * Sums up a tree. Time of waited-for children is part of the sum, so that the time of a short-lived compiler is not
 * lost with it: while a child lives its time is its own, once reaped it is its parent's, and the sum goes on without a
 * step.
 */
function measure(
  table: ProcessTable,
  root: number,
): { startTime: string; processes: number; rssBytes: number; cpuMs: number } | null {
  const first = table.rows.get(root);
  if (first === undefined || !first.alive) return null;
  const rows = [first, ...descendants(root, table)];
  return {
    startTime: first.startTime,
    processes: rows.filter(({ alive }) => alive).length,
    rssBytes: rows.reduce((sum, row) => sum + row.rssBytes, 0),
    cpuMs: rows.reduce((sum, row) => sum + row.cpuMs + row.childCpuMs, 0),
  };
}

/** User and system time of one process so far, ms; 0 when there is no such process. */
export function cpuMsOf(pid: number, source: Kernel = kernel): number {
  return source.row(pid)?.cpuMs ?? 0;
}
