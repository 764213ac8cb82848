import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that cannot be confused with a later one of the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  startTime: string;
  bootId: string;
}

/** Environment variable of everything that belongs to one broker directory; children of the node inherit it. */
export const BROKER_MARK = 'SWARM_BROKER';

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    // A process may end, or belong to another user, at any moment: there is nothing to read then.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

let cachedBootId: string | undefined;

function bootId(): string {
  cachedBootId ??= readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return cachedBootId;
}

/** Start time out of the text of /proc/PID/stat, or null for a zombie. The name may contain blanks and brackets. */
export function parseStartTime(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (state === undefined || state === 'Z' || state === 'X') return null;
  return fields[19] ?? null;
}

/** Identity of a living process, or null when there is none (a zombie is none). */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  const startTime = stat === null ? null : parseStartTime(stat);
  return startTime === null ? null : { pid, startTime, bootId: bootId() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Milliseconds since the process started. */
export function ageMs(identity: ProcessIdentity): number {
  const uptime = Number(readOrNull('/proc/uptime')?.split(' ')[0] ?? 0) * 1000;
  // USER_HZ is 100 on every Linux that Node runs on.
  return uptime - Number(identity.startTime) * 10;
}

/** Processes of this user whose environment says that they belong to `dir`. */
export function findMarked(dir: string): ProcessIdentity[] {
  const mark = `\0${BROKER_MARK}=${Buffer.from(dir).toString('latin1')}\0`;
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environ = readOrNull(`/proc/${name}/environ`);
    if (environ === null || !`\0${environ}`.includes(mark)) continue;
    const identity = identify(Number(name));
    if (identity !== null) found.push(identity);
  }
  return found;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Waits until the process is gone. @returns false when it still lives after `timeoutMs` */
export async function waitGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

/** SIGTERM, up to `graceMs`, then SIGKILL. @returns true when it is gone */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<boolean> {
  if (graceMs > 0) {
    signal(identity, 'SIGTERM');
    if (await waitGone(identity, graceMs)) return true;
  }
  signal(identity, 'SIGKILL');
  return waitGone(identity, 5_000);
}
