import { readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import { isRunning } from '../../lib/running.ts';

/** `running`: on this machine, and it ends some day. `elsewhere`: on another one, of which nothing is known. */
export type Collecting = 'no' | 'running' | 'elsewhere';

export interface GcPid {
  /** Of `gc.pid`: a process number, a blank, and the name of its machine. */
  text: string;
  ageMs: number;
}

export interface HereAndNow {
  host: string;
  /** Since this machine was started. */
  uptimeMs: number;
  isRunning(pid: number): boolean;
}

/** Git itself takes an older one for left behind. */
const MOST_MS = 12 * 3_600_000;

/** A killed `git gc`, or a power cut, leaves the file behind; its number may be another's since. Pure. */
export function judgeGcPid({ text, ageMs }: GcPid, here: HereAndNow): Collecting {
  if (ageMs > MOST_MS) return 'no';
  const [, pid, host] = /^(\d+) (\S+)/.exec(text) ?? [];
  // Cut short while it is being written.
  if (pid === undefined || host === undefined) return 'elsewhere';
  if (host !== here.host) return 'elsewhere';
  return ageMs <= here.uptimeMs && here.isRunning(Number(pid)) ? 'running' : 'no';
}

/** `file` is git's `gc.pid`, or another one that says the same. */
export function readGcPid(file: string): Collecting {
  try {
    // The common case is that there is none.
    const ageMs = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN);
    if (Number.isNaN(ageMs)) return 'no';
    const here = { host: os.hostname(), uptimeMs: os.uptime() * 1000, isRunning };
    return judgeGcPid({ text: readFileSync(file, 'utf8'), ageMs }, here);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 'no';
  }
}
