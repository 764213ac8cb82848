import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process by an identity that is not reused: its pid together with its start time (clock ticks since boot). */
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

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

interface Stat {
  state: string;
  parent: number;
  startTime: string;
}

/** Parses /proc/PID/stat; the name in it may hold spaces and brackets, so from the last one on. */
function stat(pid: string): Stat | null {
  const line = read(`/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startTime] = [fields[0], fields[1], fields[19]];
  return state === undefined || startTime === undefined ? null : { state, parent: Number(parent), startTime };
}

/** All living processes but this one. */
function living(): (LivingProcess & { parent: number })[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const known = stat(pid);
      if (known === null || known.state === 'Z' || known.state === 'X') return [];
      const commandLine = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
      return [{ pid: Number(pid), startTime: known.startTime, parent: known.parent, commandLine }];
    });
}

const environmentOf = (pid: number): string => read(`/proc/${pid}/environ`);

/** Living processes whose environment, arguments or working directory mention `directory`. Linux only. */
export function processesOf(directory: string): LivingProcess[] {
  return living().filter(({ pid, commandLine }) =>
    [commandLine, environmentOf(pid), workingDirectory(pid)].some((text) => text.includes(directory)),
  );
}

/**
 * Living processes that were started with `directory` in their environment, and all below them. A process that only
 * works in it (a shell, a viewer of a file) is none of them. Linux only.
 */
export function processesStartedIn(directory: string): LivingProcess[] {
  const all = living();
  const found = new Set(all.filter(({ pid }) => environmentOf(pid).includes(directory)).map(({ pid }) => pid));
  // A set is walked with the items that are added meanwhile.
  for (const pid of found) for (const child of all) if (child.parent === pid) found.add(child.pid);
  return all.filter(({ pid }) => found.has(pid));
}

function signal(target: LivingProcess, name: NodeJS.Signals): void {
  if (stat(String(target.pid))?.startTime !== target.startTime) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until `find` finds none; returns those that still live after `timeoutMs`. */
export async function untilNone(find: () => LivingProcess[], timeoutMs: number): Promise<LivingProcess[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = find();
    if (found.length === 0 || performance.now() > deadline) return found;
    await delay(50);
  }
}

/** SIGTERM, then SIGKILL after two seconds, until `find` finds none; returns those that live all the same. */
export async function endAll(find: () => LivingProcess[]): Promise<LivingProcess[]> {
  for (const target of find()) signal(target, 'SIGTERM');
  let left = await untilNone(find, 2_000);
  for (let round = 0; round < 5 && left.length > 0; round += 1) {
    for (const target of left) signal(target, 'SIGKILL');
    left = await untilNone(find, 500);
  }
  return left;
}

/** Waits until no process of `directory` lives; returns those that still do after `timeoutMs`. */
export function untilNoProcessOf(directory: string, timeoutMs: number): Promise<LivingProcess[]> {
  return untilNone(() => processesOf(directory), timeoutMs);
}

export async function endProcessesOf(directory: string): Promise<void> {
  await endAll(() => processesOf(directory));
}
