import { statSync } from 'node:fs';
import path from 'node:path';
import { descendants, scanProcesses, workDone } from '../process/index.ts';
import { NODE_NAME } from './config.ts';
import type { BrokerPaths } from './config.ts';

/** How often the node's work is looked at, at most, ms. */
const LOOK_MS = 1_000;
/** A node that only waits uses less of one processor; one of 30 that compete for two uses more. */
const WORKING_SHARE = 0.01;

/**
 * Whether a starting node gets on: it uses the processor, or writes a log. A machine under load lets it take minutes, and
 * the same work begun anew takes no less.
 */
export class BootProgress {
  readonly #files: readonly string[];
  readonly #pid: number;
  readonly #stillMs: number;
  #lookAt = 0;
  #since: number;
  #cpuMs = 0;
  #bytes = 0;

  /** @param stillMs without a sign for so long it does not get on */
  constructor(paths: BrokerPaths, pid: number, stillMs: number) {
    this.#files = [paths.stdout, path.join(paths.log, `${NODE_NAME}.log`)];
    this.#pid = pid;
    this.#stillMs = stillMs;
    this.#since = performance.now();
  }

  getsOn(): boolean {
    const now = performance.now();
    if (now < this.#lookAt) return true;
    this.#lookAt = now + Math.min(LOOK_MS, this.#stillMs / 10);
    const cpuMs = cpuOf(this.#pid);
    const bytes = this.#files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
    if (bytes > this.#bytes || cpuMs - this.#cpuMs > this.#stillMs * WORKING_SHARE) {
      this.#since = now;
      this.#cpuMs = cpuMs;
      this.#bytes = bytes;
    }
    return now - this.#since < this.#stillMs;
  }
}

/** Helpers of the boot included. */
function cpuOf(pid: number): number {
  const table = scanProcesses();
  const own = table.rows.get(pid);
  return own === undefined ? 0 : workDone([own, ...descendants(pid, table)], () => 0).cpuMs;
}
