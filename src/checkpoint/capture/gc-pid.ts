import { readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import { isRunning } from '../../lib/running.ts';

/**
 * `running`: on this machine, and it ends some day. `elsewhere`: on another machine, so that nothing is known of it.
 */
export type Collecting = 'no' | 'running' | 'elsewhere';

export interface GcPid {
  /** Text of `gc.pid`: a process number, a blank, and the name of its machine. */
  text: string;
  ageMs: number;
}

export interface HereAndNow {
  host: string;
  /** Time since this machine was started. */
  uptimeMs: number;
  isRunning(pid: number): boolean;
}

/** Git itself takes an older file for left behind. */
const MOST_MS = 12 * 3_600_000;

/**
 * Whether a collection runs, judged by a `gc.pid`. A killed `git gc`, or a power cut, leaves the file behind, and its
 * number may belong to another process since. Pure.
 */
export function judgeGcPid({ text, ageMs }: GcPid, here: HereAndNow): Collecting {
  if (ageMs > MOST_MS) return 'no';
  const [, pid, host] = /^(\d+) (\S+)/.exec(text) ?? [];
  // The file is just being written.
  if (pid === undefined || host === undefined) return 'elsewhere';
  if (host !== here.host) return 'elsewhere';
  return ageMs <= here.uptimeMs && here.isRunning(Number(pid)) ? 'running' : 'no';
}

/** The same for a file: git's `gc.pid`, or another of the same form. */
export function readGcPid(file: string): Collecting {
  try {
    // Most often there is no such file.
    const ageMs = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN);
    if (Number.isNaN(ageMs)) return 'no';
    const here = { host: os.hostname(), uptimeMs: os.uptime() * 1000, isRunning };
    return judgeGcPid({ text: readFileSync(file, 'utf8'), ageMs }, here);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 'no';
  }
}
