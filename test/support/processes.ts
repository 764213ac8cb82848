import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process by what cannot be reused: its pid together with its start time (clock ticks since boot). */
export interface LivingProcess {
  pid: number;
  startTime: string;
  commandLine: string;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Ended meanwhile, or another user's.
  }
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** State and start time from /proc/PID/stat; the name in it may hold spaces and brackets, so from the last one on. */
function stat(pid: string): { state: string; startTime: string } | null {
  const line = read(`/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? null : { state, startTime };
}

/** Living processes whose environment, arguments or working directory mention `directory`. Linux only. */
export function processesOf(directory: string): LivingProcess[] {
  const found: LivingProcess[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    const known = stat(pid);
    if (known === null || known.state === 'Z' || known.state === 'X') continue;
    const commandLine = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    const mentions = [commandLine, read(`/proc/${pid}/environ`), workingDirectory(pid)];
    if (mentions.some((text) => text.includes(directory))) {
      found.push({ pid: Number(pid), startTime: known.startTime, commandLine });
    }
  }
  return found;
}

function signal(target: LivingProcess, name: NodeJS.Signals): void {
  if (stat(String(target.pid))?.startTime !== target.startTime) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until no process of `directory` lives; gives back those that still do after `timeoutMs`. */
export async function untilNoProcessOf(directory: string, timeoutMs: number): Promise<LivingProcess[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const living = processesOf(directory);
    if (living.length === 0 || performance.now() > deadline) return living;
    await delay(50);
  }
}

/** SIGTERM, then SIGKILL after two seconds, until nothing of `directory` is left. */
export async function endProcessesOf(directory: string): Promise<void> {
  for (const target of processesOf(directory)) signal(target, 'SIGTERM');
  for (let round = 0; round < 5; round += 1) {
    const living = await untilNoProcessOf(directory, round === 0 ? 2_000 : 500);
    if (living.length === 0) return;
    for (const target of living) signal(target, 'SIGKILL');
  }
}
