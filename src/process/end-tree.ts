import { sleep, systemClock } from '../lib/clock.ts';
import { bootId, identityOfRow, isAlive, type ProcessIdentity } from './identity.ts';
import { kernel } from './kernel.ts';
import type { Kernel } from './kernel-types.ts';
import { lookForMarked, type Mark } from './marks.ts';
import type { ProcessRow } from './row.ts';
import { scanProcesses, tableOf } from './table.ts';
import { treeMembers } from './tree.ts';

export interface EndTreeOptions {
  /** Roots, living or dead: the children of a dead one are found by its session and group, and by the mark. */
  roots: readonly ProcessIdentity[];
  mark?: Mark | undefined;
  /** Between SIGTERM and SIGKILL, ms. 0: SIGKILL at once. */
  graceMs: number;
  /** Aborting ends the grace; the end is still awaited. */
  signal?: AbortSignal | undefined;
  /** Processes that are left alone with everything below them. The caller itself always is. */
  spare?: readonly number[] | undefined;
  /** How long SIGKILL may take before survivors are reported, ms (5000). */
  killMs?: number | undefined;
}

export interface EndTreeResult {
  /** Processes that still live: another user's, or held in the kernel (state D). Empty = proved gone. */
  survivors: ProcessIdentity[];
  /** Number of processes in all, and of those that needed SIGKILL. */
  found: number;
  killed: number;
}

/** First looks come soon, because most trees end at once; later ones are rarer. */
const LOOKS_MS = [5, 10, 20, 40];
const LAST_LOOK_MS = 80;
/**
 * One scan is not one instant: a process that is just being forked, or is within exec and shows no environment, can be
 * missed. So many scans in a row that find nothing prove that all are gone.
 */
const EMPTY_SCANS = 3;
const BETWEEN_EMPTY_MS = 8;
/** On a busy machine an exec takes its time: as long as a young process is within one, a scan proves nothing. */
const EXEC_SCANS = 100;
/** Clock ticks: a process that lived so long before the hunt has finished its exec. */
const YOUNG_TICKS = 100;
/** The parent of the kernel's own threads, which have no environment. */
const KERNEL_THREADS = 2;
const NONE = { marked: [], silent: [] };
/** A whole scan reads every process of the machine; between two of them only the known members are checked. */
const SCAN_EVERY_MS = 500;

/**
 * Ends a whole tree of processes and proves it gone: SIGTERM (and SIGCONT for stopped ones, which could not act on it),
 * then, after the grace, all are frozen with SIGSTOP until no new one appears, and killed. Children in other sessions
 * and groups are found by descent, by the sessions and groups that their ancestors led, and by the mark. A process that
 * double-forks, leaves its session *and* clears its environment before the first look cannot be found, as everywhere
 * without cgroups.
 */
export async function endTree(options: EndTreeOptions): Promise<EndTreeResult> {
  const hunt = new Hunt(options);
  const { graceMs, killMs = 5000, signal } = options;
  const graceful = graceMs > 0 && signal?.aborted !== true;
  let left = graceful ? await terminate(hunt, graceMs, signal) : await hunt.find();
  if (left.length > 0) left = await kill(hunt, killMs);
  return { survivors: left.map((row) => identityOfRow(row)), found: hunt.found, killed: hunt.killed.size };
}

/** Sends SIGTERM and waits until no process is left, or the grace is over. */
async function terminate(hunt: Hunt, graceMs: number, signal: AbortSignal | undefined): Promise<ProcessRow[]> {
  const told = new Set<string>();
  const deadline = performance.now() + graceMs;
  for (;;) {
    const members = await hunt.find();
    for (const row of members) {
      if (!told.has(key(row))) send(row, 'SIGTERM');
      told.add(key(row));
      if (row.state === 'T') send(row, 'SIGCONT');
    }
    const left = deadline - performance.now();
    if (members.length === 0 || left <= 0 || signal?.aborted === true) return members;
    await untilGone(members, Math.min(left, SCAN_EVERY_MS), signal);
  }
}

async function kill(hunt: Hunt, killMs: number): Promise<ProcessRow[]> {
  const deadline = performance.now() + killMs;
  for (;;) {
    const members = await hunt.freeze();
    for (const row of members) {
      hunt.killed.add(key(row));
      send(row, 'SIGKILL');
    }
    const left = deadline - performance.now();
    if (members.length === 0 || left <= 0) return members;
    await untilGone(members, Math.min(left, SCAN_EVERY_MS));
  }
}

async function untilGone(members: readonly ProcessRow[], limitMs: number, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let look = 0; members.some((row) => isAlive(identityOfRow(row))); look += 1) {
    const left = deadline - performance.now();
    if (left <= 0 || signal?.aborted === true) return;
    await pause(Math.min(left, LOOKS_MS[look] ?? LAST_LOOK_MS), signal);
  }
}

/**
 * Hunts that look in the same moment, as at the start of a whole fleet, share one look. Shorter than the time between
 * two looks of one hunt, so that each of those is a new one. A look from before a signal never counts after it, since
 * it lacks processes that were forked until then.
 */
const SHARED_MS = BETWEEN_EMPTY_MS / 2;

interface Look {
  rows: ReadonlyMap<number, ProcessRow>;
  /** Read after the rows: only it knows processes that were forked meanwhile. */
  kernel: Kernel;
  endedAt: number;
}

const latest = new Map<string, Look>();

function look(markName: string | undefined): Look {
  const key = markName ?? '';
  const known = latest.get(key);
  if (known !== undefined && performance.now() - known.endedAt < SHARED_MS) return known;
  const { rows } = scanProcesses();
  const variables = markName === undefined ? null : kernel.variables(markName);
  const seen: Look = {
    rows,
    kernel: { ...kernel, variables: (name) => (name === markName ? variables : null) ?? kernel.variables(name) },
    endedAt: performance.now(),
  };
  latest.set(key, seen);
  return seen;
}

class Hunt {
  readonly #mark: Mark | undefined;
  readonly #spare: ReadonlySet<number>;
  readonly #known = new Map<string, ProcessIdentity>();
  readonly killed = new Set<string>();
  readonly #found = new Set<string>();
  /** Start of the youngest process of the first scan, clock ticks. */
  #began: number | null = null;
  #undecided = false;

  constructor(options: EndTreeOptions) {
    this.#mark = options.mark;
    this.#spare = new Set([process.pid, ...(options.spare ?? [])]);
    for (const root of options.roots) this.#known.set(key(root), root);
  }

  get found(): number {
    return this.#found.size;
  }

  /** Every process that was ever seen stays known, so that its children are found after its death. */
  scan(): ProcessRow[] {
    const { rows, kernel: seen } = look(this.#mark?.name);
    const { marked, silent } =
      this.#mark === undefined ? NONE : lookForMarked(this.#mark.name, this.#mark.prefix, seen);
    // Forked during the look: the list by mark has them and the rows have not.
    const table = tableOf([...rows.values(), ...marked.map(({ row }) => row).filter(({ pid }) => !rows.has(pid))], 0);
    const members = treeMembers(
      {
        known: [...this.#known.values()],
        marked: marked.map(({ row }) => row.pid),
        spare: this.#spare,
        bootId: bootId(),
      },
      table,
    );
    this.#undecided = members.length === 0 && this.#mayBecomeOurs(silent, rows.values());
    for (const row of members) {
      this.#found.add(key(row));
      this.#known.set(key(row), identityOfRow(row));
    }
    return members;
  }

  /** Whether a process may turn out to be of the tree: within exec, and with its parent gone, it cannot be told yet. */
  #mayBecomeOurs(silent: readonly ProcessRow[], all: Iterable<ProcessRow>): boolean {
    this.#began ??= Math.max(...[...all].map(({ startTime }) => Number(startTime)));
    const since = this.#began - YOUNG_TICKS;
    return silent.some(
      ({ pid, ppid, startTime }) => Number(startTime) >= since && ppid !== KERNEL_THREADS && !this.#spare.has(pid),
    );
  }

  /** The living members. Empty only when that is sure. */
  async find(): Promise<ProcessRow[]> {
    for (let empty = 0, scans = 0; ; scans += 1) {
      const members = this.scan();
      if (members.length > 0) return members;
      if (!this.#undecided || scans >= EXEC_SCANS) empty += 1;
      if (empty === EMPTY_SCANS) return [];
      await sleep(systemClock, BETWEEN_EMPTY_MS);
    }
  }

  /** Stops all members. A stopped process cannot fork: after a scan that finds no new one, the list is whole. */
  async freeze(): Promise<ProcessRow[]> {
    const frozen = new Set<string>();
    for (let round = 0; ; round += 1) {
      const members = await this.find();
      const fresh = members.filter((row) => !frozen.has(key(row)));
      if (fresh.length === 0 || round === 10) return members;
      for (const row of fresh) {
        frozen.add(key(row));
        send(row, 'SIGSTOP');
      }
    }
  }
}

function key({ pid, startTime }: { pid: number; startTime: string }): string {
  return `${pid} ${startTime}`;
}

/** Sends a signal to that very process only: the number may have changed hands since the scan. */
function send(row: ProcessRow, signal: NodeJS.Signals): void {
  if (!isAlive(identityOfRow(row))) return;
  latest.clear();
  try {
    process.kill(row.pid, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Gone meanwhile, or another user's: the next look shows it, and a survivor is reported.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(systemClock, ms, signal);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
