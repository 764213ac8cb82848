import type { Logger } from 'pino';
import type { WrapperSnapshot } from '../../coordination/link.ts';
import type { Heartbeat } from '../../coordination/messages.ts';
import { errorText } from '../../domain/errors.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import { bootId, endTree } from '../../process/index.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { WORTH_WRITING, type Lease } from '../../scheduler/lease.ts';
import type { Store } from '../../store/store.ts';
import type { Fleet } from '../fleet/fleet.ts';

/** How often it is noted that this supervisor lives, ms: so far the span by which leases are moved may be wrong. */
const NOTE_INTERVAL_MS = 5_000;
/** After a shorter absence no lease is moved. */
const ABSENCE_MS = 1_000;
const END_GRACE_MS = 2_000;
/**
 * Below the share of heartbeats: the leases of linked agents are extended by the tick each second, and not by
 * heartbeats.
 */
const LINK_WORTH = WORTH_WRITING * (2 / 3);

export interface LeasesDeps {
  engine: TaskEngine;
  store: Store;
  fleet: Fleet;
  project: string;
  log: Logger;
  /** Resolves when the wrapper has confirmed, or has not in time. */
  cancel(agent: string, task: string, attempt: number): Promise<void>;
  /** True while so many agents are silent at once that the cause is not in them: none of them is touched. */
  deaths?: { doubtful(): boolean };
  /** Ends every process with the mark; returns the pids of survivors. */
  endMarked?(prefix: string): Promise<number[]>;
}

/** Keeps leases true: extended by heartbeats and by living links, ended only when the processes are proved gone. */
export class Leases {
  readonly #deps: LeasesDeps;
  #notedAt = 0;
  #ending = false;
  readonly #cancelling = new Set<string>();

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  /** When a supervisor last noted that it lived, epoch ms; null: never. */
  get lastAlive(): number | null {
    return this.#deps.store.notes.get('supervisor.alive')?.wall ?? null;
  }

  /**
   * Moves leases by the time in which no supervisor could hear heartbeats.
   * @returns how far the wall clock was set meanwhile, ms; 0 where that is not known
   */
  async afterAbsence(): Promise<number> {
    const set = await this.#makeUpForAbsence();
    await this.noteAlive();
    return set;
  }

  async #makeUpForAbsence(): Promise<number> {
    const note = this.#deps.store.notes.get('supervisor.alive');
    if (note === undefined || note.bootId !== bootId()) return 0;
    const away = monotonicMs() - note.monotonic;
    // Leases end by the wall clock, which may have been set meanwhile.
    const jumped = note.wall === undefined ? 0 : Date.now() - note.wall - away;
    const set = Math.abs(jumped) > ABSENCE_MS ? jumped : 0;
    const by = (away > ABSENCE_MS ? away : 0) + set;
    if (by !== 0) await this.#deps.engine.moveLeases(by);
    return set;
  }

  /**
   * Moves leases after the wall clock has jumped by so much, ms. The note of being alive is written in the same batch:
   * with the old time in it the next supervisor would move everything once more.
   */
  async moved(byMs: number): Promise<void> {
    await Promise.all([this.#deps.engine.moveLeases(byMs), this.noteAlive()]);
  }

  async noteAlive(): Promise<void> {
    this.#notedAt = monotonicMs();
    const note = { bootId: bootId(), monotonic: this.#notedAt, wall: Date.now() };
    await this.#deps.store.write(() => this.#deps.store.notes.set('supervisor.alive', note));
  }

  async heartbeat(heartbeat: Heartbeat): Promise<void> {
    const { cancel, drop } = await this.#deps.engine.heartbeat(heartbeat);
    const reporting = heartbeat.attempts.filter(({ phase }) => phase === 'reporting');
    // An attempt that is just reporting has no process left to stop.
    const stale = drop.filter(
      ({ task, attempt }) => !reporting.some((other) => other.task === task && other.attempt === attempt),
    );
    for (const { task, attempt } of [...cancel, ...stale]) this.#cancel(heartbeat.agent, task, attempt);
  }

  /**
   * Orders the wrapper to end an attempt. Each further heartbeat with that attempt repeats the order, but not while one
   * is under way.
   */
  #cancel(agent: string, task: string, attempt: number): void {
    const key = `${agent} ${task} ${attempt}`;
    if (this.#cancelling.has(key)) return;
    this.#cancelling.add(key);
    void this.#deps.cancel(agent, task, attempt).finally(() => this.#cancelling.delete(key));
  }

  /** A snapshot over the link is as good as a heartbeat, and needs no broker. */
  observed(snapshot: WrapperSnapshot): void {
    const { agent, tasks } = snapshot;
    const { engine, log } = this.#deps;
    const failed = (error: unknown): void => log.warn({ err: error, agent }, 'a lease could not be extended');
    if (tasks.length > 0) this.heartbeat(heartbeatOf(snapshot)).catch(failed);
    for (const { task, attempt, sessionId } of tasks)
      if (sessionId !== undefined) engine.noteSession(task, attempt, sessionId).catch(failed);
  }

  async tick(): Promise<void> {
    const { engine, fleet } = this.#deps;
    for (const agent of engine.due(LINK_WORTH)) {
      const observed = fleet.get(agent)?.observed;
      if (observed?.linked === true && observed.snapshot !== null) this.#extend(observed.snapshot);
    }
    if (this.#ending) return;
    this.#ending = true;
    try {
      if (monotonicMs() - this.#notedAt > NOTE_INTERVAL_MS) await this.noteAlive();
      await this.#endExpired();
    } catch (error) {
      this.#deps.log.error({ detail: errorText(error) }, 'leases could not be looked after');
    } finally {
      this.#ending = false;
    }
  }

  /** Extends leases by the last snapshot: a living link proves a living wrapper. */
  #extend(snapshot: WrapperSnapshot): void {
    const { engine, log } = this.#deps;
    if (snapshot.tasks.length === 0) return;
    engine
      .heartbeat(heartbeatOf(snapshot), LINK_WORTH)
      .catch((error: unknown) => log.warn({ err: error, agent: snapshot.agent }, 'a lease could not be extended'));
  }

  /**
   * Ends expired leases. Time alone ends none: first every process with the attempt's mark is ended, and proved gone.
   * That takes seconds, in which other agents may be heard again: each lease is checked anew just before its processes
   * are touched.
   */
  async #endExpired(): Promise<void> {
    const { engine, fleet, log, deaths } = this.#deps;
    for (const lease of engine.expired()) {
      if (deaths?.doubtful() === true) return;
      if (!this.#isExpired(lease) || fleet.get(lease.agent)?.step.busy === true) continue;
      const survivors = await this.#endProcesses(lease);
      if (survivors.length > 0) {
        log.error({ ...lease, survivors }, 'processes of an attempt whose lease ended cannot be ended');
        continue;
      }
      // A wrapper that was heard meanwhile knows the state of its processes, and reports it.
      if (!this.#isExpired(lease)) continue;
      const except = engine.leases(lease.agent).filter((other) => !isSame(other, lease));
      await engine.lost({ agent: lease.agent, except }, 'no sign of life for the length of its lease');
    }
  }

  #isExpired(lease: Lease): boolean {
    return this.#deps.engine.expired().some((other) => isSame(other, lease));
  }

  async #endProcesses({ agent, task, attempt }: Lease): Promise<number[]> {
    const prefix = `${this.#deps.project}/${agent}/${task}/${attempt}`;
    return await (this.#deps.endMarked ?? endMarked)(prefix);
  }
}

async function endMarked(prefix: string): Promise<number[]> {
  const { survivors } = await endTree({ roots: [], mark: { name: AGENT_MARK, prefix }, graceMs: END_GRACE_MS });
  return survivors.map(({ pid }) => pid);
}

function isSame(one: Lease, other: Lease): boolean {
  return one.agent === other.agent && one.task === other.task && one.attempt === other.attempt;
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function heartbeatOf({ agent, incarnation, tasks }: WrapperSnapshot): Heartbeat {
  return { agent, incarnation, attempts: tasks.map(({ task, attempt, phase }) => ({ task, attempt, phase })) };
}
