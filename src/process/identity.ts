import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';
import type { ProcessRow } from './row.ts';

/**
 * One process for ever. A pid alone is soon another process's; with the start time and the boot it is not. Survives
 * exec.
 */
export interface ProcessIdentity {
  pid: number;
  /** Linux: clock ticks after boot. Elsewhere: the start's date. */
  startTime: string;
  bootId: string;
}

/** Changes with every boot, never within one. */
export function bootId(): string {
  return kernel.bootId();
}

/** Null when there is no such process, or only its zombie. */
export function identityOf(pid: number, source: Kernel = kernel): ProcessIdentity | null {
  const row = source.row(pid);
  return row === null || !row.alive ? null : identityOfRow(row, source);
}

export function identityOfRow(row: ProcessRow, source: Kernel = kernel): ProcessIdentity {
  return { pid: row.pid, startTime: row.startTime, bootId: source.bootId() };
}

/** True while that very process runs (or is stopped). A zombie is dead, so is every process of an earlier boot. */
export function isAlive(identity: ProcessIdentity, source: Kernel = kernel): boolean {
  if (identity.bootId !== source.bootId()) return false;
  const row = source.row(identity.pid);
  return row !== null && row.alive && row.startTime === identity.startTime;
}
