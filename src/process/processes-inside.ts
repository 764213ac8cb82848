import path from 'node:path';
import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';

export interface Insider {
  pid: number;
  /** Name of the program. */
  command: string;
}

/**
 * Living processes whose working directory is `directory` (a real path) or below it, without the caller. Those of other
 * users are not seen. Throws where working directories cannot be read at all.
 */
export function processesInside(directory: string, source: Kernel = kernel): Insider[] {
  const inside: Insider[] = [];
  for (const [pid, at] of source.directories()) {
    if (pid === process.pid || (at !== directory && !at.startsWith(`${directory}${path.sep}`))) continue;
    const row = source.row(pid);
    if (row?.alive === true) inside.push({ pid, command: row.command });
  }
  return inside;
}

/** Whether a program of this name, or one whose name begins with it and a dash, works in one of these directories. */
export function worksInside(directories: readonly string[], program: string, source: Kernel = kernel): boolean {
  return directories
    .flatMap((directory) => processesInside(directory, source))
    .some(({ command }) => command === program || command.startsWith(`${program}-`));
}
