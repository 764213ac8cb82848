import { identityOfRow, type ProcessIdentity } from './identity.ts';
import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';
import type { ProcessRow } from './row.ts';

/**
 * A variable in the environment with which a program was started. Children inherit it across fork, exec, setsid and the
 * death of their parent; only a program that clears its environment loses it.
 */
export interface Mark {
  name: string;
  /** Whole components of a path: `p/worker-1` is in `p/worker-1/t3/1` and not in `p/worker-10`. */
  prefix: string;
}

export interface MarkedProcess {
  identity: ProcessIdentity;
  value: string;
}

/** Value of the variable; null: unset, gone, or not readable. */
export function readMark(pid: number, name: string, source: Kernel = kernel): string | null {
  return source.variable(pid, name);
}

/** All living processes with a readable environment (this user's own) whose variable begins with the prefix. */
export function findMarked(name: string, prefix: string, source: Kernel = kernel): MarkedProcess[] {
  return lookForMarked(name, prefix, source).marked.map(({ row, value }) => ({
    identity: identityOfRow(row, source),
    value,
  }));
}

/**
 * The same, with the living processes that are within exec (or have no environment at all): to which agent they belong
 * shows later.
 */
export function lookForMarked(
  name: string,
  prefix: string,
  source: Kernel = kernel,
): { marked: { row: ProcessRow; value: string }[]; silent: ProcessRow[] } {
  const { values, silent } = source.variables(name);
  const living = (pid: number): ProcessRow[] => {
    const row = source.row(pid);
    return row?.alive === true ? [row] : [];
  };
  return {
    marked: [...values]
      .filter(([, value]) => hasPrefix(value, prefix))
      .flatMap(([pid, value]) => living(pid).map((row) => ({ row, value }))),
    silent: silent.flatMap(living),
  };
}

export function hasPrefix(value: string, prefix: string): boolean {
  return value === prefix || value.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}
