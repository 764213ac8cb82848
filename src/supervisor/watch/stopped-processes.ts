import { continueProcess, stoppedProcess, type ProcessIdentity } from '../../process/index.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';

export interface StopsOptions {
  events: EventLog;
  records(): readonly WrittenBy<'watch'>[];
  /** Whether the process ran a moment ago, not stopped by a signal. False where no scan was made. */
  ran(pid: number): boolean;
}

/** The outside world, for tests with another time and other processes. */
export interface StopsDeps {
  now(): number;
  /** The process when a signal has stopped it. */
  stopped(pid: number): ProcessIdentity | null;
  /** False when it is gone. */
  resume(process: ProcessIdentity): boolean;
}

const REAL: StopsDeps = { now: () => Date.now(), stopped: stoppedProcess, resume: continueProcess };

/**
 * How long a process may be stopped, ms: the end of a whole tree stops its processes for some milliseconds, and nothing
 * else has a reason to.
 */
const PATIENCE_MS = 3_000;

/**
 * Continues a wrapper or agent that a signal has stopped (SIGSTOP, or a wrong Ctrl-Z): it would keep its pane, its link
 * and its lease, and do nothing. To hold an agent there is `swarm pause`.
 */
export class Stops {
  readonly #options: StopsOptions;
  readonly #deps: StopsDeps;
  readonly #since = new Map<string, number>();

  constructor(options: StopsOptions, deps: StopsDeps = REAL) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Once a second: looks at each process that swarm started, unless it is known to have just run. */
  tick(): void {
    const { now, stopped } = this.#deps;
    const seen = new Set<string>();
    for (const record of this.#options.records()) {
      this.#wakeSuspended(record);
      if (record.signs?.stopped) record.signs = { ...record.signs, stopped: null };
      for (const [what, pid] of processesOf(record)) {
        const found = this.#options.ran(pid) && !this.#isSeen(pid) ? null : stopped(pid);
        if (found === null) continue;
        const key = `${found.pid}/${found.startTime}`;
        seen.add(key);
        if (record.signs !== undefined)
          record.signs = { ...record.signs, stopped: `its ${what} is stopped by a signal` };
        const since = this.#since.get(key) ?? now();
        this.#since.set(key, since);
        if (Math.abs(now() - since) >= PATIENCE_MS) this.#resume(record, what, found, key);
      }
    }
    for (const key of this.#since.keys()) if (!seen.has(key)) this.#since.delete(key);
  }

  #isSeen(pid: number): boolean {
    return this.#since.size > 0 && [...this.#since.keys()].some((key) => key.startsWith(`${pid}/`));
  }

  /**
   * Wakes an agent after Ctrl-Z in its pane: its process does not count as stopped, and there is no shell to bring it
   * back.
   */
  #wakeSuspended(record: WrittenBy<'watch'>): void {
    const child = record.observed.snapshot?.child ?? null;
    if (record.signs?.screen?.kind !== 'suspended' || child === null) return;
    record.signs = { ...record.signs, screen: null };
    if (!this.#deps.resume(child)) return;
    const detail = `its agent (pid ${child.pid}) was suspended by Ctrl-Z, and was let go on`;
    this.#options.events.emit('agent.resumed-process', { agent: record.id, data: { detail, pid: child.pid } });
  }

  #resume(record: AgentRecord, what: string, found: ProcessIdentity, key: string): void {
    this.#since.delete(key);
    if (!this.#deps.resume(found)) return;
    const detail = `its ${what} (pid ${found.pid}) was stopped by a signal, and was let go on`;
    this.#options.events.emit('agent.resumed-process', { agent: record.id, data: { detail, pid: found.pid } });
  }
}

function processesOf({ observed: { pane, snapshot } }: AgentRecord): [what: string, pid: number][] {
  if (pane === null || pane.pid === null || pane.dead) return [];
  const child = snapshot?.child ?? null;
  return child === null
    ? [['wrapper', pane.pid]]
    : [
        ['wrapper', pane.pid],
        ['agent', child.pid],
      ];
}
