import type { AttemptOutcome, ErrorClass } from '../domain/task.ts';
import type { Database } from './database.ts';
import type { AttemptRow, HoldRow, LeaseRow } from './task-rows.ts';

export interface AttemptEnd {
  outcome: AttemptOutcome;
  errorClass: ErrorClass | null;
  error: string | null;
  /** null keeps the stored conversation. */
  sessionId: string | null;
  costUsd: number;
}

/** Attempts and leases, as rows. Methods that write must run inside `store.write`. */
export class AttemptTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  begin(task: number, n: number, agent: string, now: number): void {
    this.#db.run('INSERT INTO attempts (task, n, agent, started_at) VALUES (?, ?, ?, ?)', task, n, agent, now);
  }

  end(task: number, n: number, end: AttemptEnd, now: number): void {
    this.#db.run(
      `UPDATE attempts SET ended_at = ?, outcome = ?, error_class = ?, error = ?, session_id = coalesce(?, session_id), cost_usd = ?
       WHERE task = ? AND n = ?`,
      now,
      end.outcome,
      end.errorClass,
      end.error,
      end.sessionId,
      end.costUsd,
      task,
      n,
    );
  }

  noteSession(task: number, n: number, sessionId: string): boolean {
    return (
      this.#db.run(
        'UPDATE attempts SET session_id = ? WHERE task = ? AND n = ? AND ended_at IS NULL',
        sessionId,
        task,
        n,
      ) > 0
    );
  }

  /** Sets the conversation with which the next attempt goes on. */
  setSession(task: number, n: number, sessionId: string | null): void {
    this.#db.run('UPDATE attempts SET session_id = ? WHERE task = ? AND n = ?', sessionId, task, n);
  }

  get(task: number, n: number): AttemptRow | undefined {
    return this.#db.get<AttemptRow>('SELECT * FROM attempts WHERE task = ? AND n = ?', task, n);
  }

  /** The attempts of all these tasks (a JSON array of numbers), oldest first. */
  of(ns: string): AttemptRow[] {
    return this.#db.all<AttemptRow>(
      'SELECT * FROM attempts WHERE task IN (SELECT value FROM json_each(?)) ORDER BY task, n',
      ns,
    );
  }

  /** The newest attempt of this agent, of any task. */
  latestOf(agent: string): AttemptRow | undefined {
    return this.#db.get<AttemptRow>('SELECT * FROM attempts WHERE agent = ? ORDER BY seq DESC LIMIT 1', agent);
  }

  costOf(task: number): number {
    return (
      this.#db.get<{ cost: number }>('SELECT coalesce(sum(cost_usd), 0) AS cost FROM attempts WHERE task = ?', task)
        ?.cost ?? 0
    );
  }

  lease(lease: LeaseRow): void {
    this.#db.run(
      'INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      lease.task,
      lease.attempt,
      lease.agent,
      lease.slot,
      lease.incarnation,
      lease.since,
      lease.expires_at,
      lease.lease_ms,
      lease.frozen,
    );
  }

  leaseOf(task: number): LeaseRow | undefined {
    return this.#db.get<LeaseRow>('SELECT * FROM leases WHERE task = ?', task);
  }

  /** The lease and state of a task, with which a heartbeat is compared. */
  holdOf(task: number): HoldRow | undefined {
    return this.#db.get<HoldRow>(
      `SELECT attempt, agent, incarnation, expires_at, lease_ms, state, cancelling
       FROM leases JOIN tasks ON tasks.n = leases.task WHERE leases.task = ?`,
      task,
    );
  }

  /** Agents with a lease whose end would move by at least this share of its length if it began anew now. */
  due(now: number, share: number): string[] {
    const rows = this.#db.all<{ agent: string }>(
      'SELECT agent FROM leases WHERE abs(? + lease_ms - expires_at) >= lease_ms * ?',
      now,
      share,
    );
    return rows.map(({ agent }) => agent);
  }

  leaseOfSlot(agent: string, slot: number): LeaseRow | undefined {
    return this.#db.get<LeaseRow>('SELECT * FROM leases WHERE agent = ? AND slot = ?', agent, slot);
  }

  leasesOf(agent: string): LeaseRow[] {
    return this.#db.all<LeaseRow>('SELECT * FROM leases WHERE agent = ? ORDER BY slot', agent);
  }

  leases(): LeaseRow[] {
    return this.#db.all<LeaseRow>('SELECT * FROM leases ORDER BY agent, slot');
  }

  extend(task: number, expiresAt: number): void {
    this.#db.run('UPDATE leases SET expires_at = ? WHERE task = ?', expiresAt, task);
  }

  /**
   * Moves the ends of leases after the clock has jumped by `byMs` to `now`. A lease taken since cannot be told from an
   * older one by its time; so none is moved past its full length from now on, and none is made shorter.
   */
  moveLeases(byMs: number, now: number): number {
    return this.#db.run('UPDATE leases SET expires_at = min(expires_at + ?, ? + lease_ms)', Math.max(byMs, 0), now);
  }

  expired(now: number): LeaseRow[] {
    return this.#db.all<LeaseRow>('SELECT * FROM leases WHERE expires_at <= ? ORDER BY expires_at', now);
  }

  release(task: number): void {
    this.#db.run('DELETE FROM leases WHERE task = ?', task);
  }
}
