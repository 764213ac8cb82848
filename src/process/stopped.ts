import { identityOfRow, type ProcessIdentity } from './identity.ts';
import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';

/** The process if a signal has stopped it (not a debugger); null when it runs, or is gone. */
export function stoppedProcess(pid: number, source: Kernel = kernel): ProcessIdentity | null {
  const row = source.row(pid);
  return row !== null && row.state === 'T' ? identityOfRow(row, source) : null;
}

/** Lets that very process go on. False when it is gone. */
export function continueProcess({ pid, startTime }: ProcessIdentity, source: Kernel = kernel): boolean {
  if (source.row(pid)?.startTime !== startTime) return false;
  process.kill(pid, 'SIGCONT');
  return true;
}
