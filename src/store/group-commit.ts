import { SwarmError } from '../domain/errors.ts';
import type { Database } from './database.ts';
import { storeError } from './errors.ts';

/** A batch is committed at the end of the tick, or as soon as it holds so many writes. */
const MAX_BATCH = 1_000;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Many writes, one fsync. Each runs at once, in its own savepoint of the open transaction; its promise resolves when
 * the COMMIT that carries it has returned. A write that throws is undone alone.
 */
export class GroupCommit {
  readonly #db: Database;
  readonly #file: string;
  #waiting: Waiting[] = [];
  #endOfTick: NodeJS.Immediate | undefined;
  #inside = false;
  #closed = false;
  #failure: { since: number; message: string } | null = null;

  constructor(db: Database, file: string) {
    this.#db = db;
    this.#file = file;
  }

  /** Why no write succeeds now, by the last try; null: it did. `since` is epoch ms. */
  get failure(): { since: number; message: string } | null {
    return this.#failure;
  }

  /** Translates the disk's error, and keeps it until a write succeeds again. */
  #told(error: unknown): unknown {
    const told = storeError(error, this.#file);
    if (told !== error && told instanceof Error) {
      this.#failure = { since: this.#failure?.since ?? Date.now(), message: told.message };
    }
    return told;
  }

  write<T>(fn: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      try {
        this.#begin();
      } catch (error) {
        reject(this.#told(error));
        return;
      }
      try {
        const value = this.#inSavepoint(fn);
        this.#waiting.push({ resolve: () => resolve(value), reject });
      } catch (error) {
        reject(this.#told(error));
      }
      if (this.#waiting.length >= MAX_BATCH) this.commit();
    });
  }

  /** Commits the open batch. Never throws: the promises of its writes reject. */
  commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    clearImmediate(this.#endOfTick);
    if (!this.#db.inTransaction) return;
    try {
      this.#db.run('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK');
      const told = this.#told(error);
      for (const one of waiting) one.reject(told);
      return;
    }
    if (waiting.length > 0) this.#failure = null;
    for (const one of waiting) one.resolve();
  }

  /** Commits, then refuses every further write. */
  close(): void {
    if (this.#closed) return;
    this.commit();
    this.#closed = true;
  }

  #begin(): void {
    if (this.#closed)
      throw new SwarmError('store-closed', 'The store is closed.', { hint: 'Start the supervisor again: `swarm up`.' });
    if (this.#inside) throw new Error('a write inside a write: call the inner function directly');
    if (this.#db.inTransaction) return;
    this.#db.run('BEGIN IMMEDIATE');
    clearImmediate(this.#endOfTick);
    this.#endOfTick = setImmediate(() => this.commit());
  }

  #inSavepoint<T>(fn: () => T): T {
    this.#db.run('SAVEPOINT write');
    this.#inside = true;
    let value: T;
    try {
      value = fn();
      if (value instanceof Promise) {
        value.catch(() => undefined); // reported below; without this its own failure would end the process
        throw new TypeError(
          'a write must be synchronous: what it does after an await would be outside its transaction',
        );
      }
      this.#db.run('RELEASE write');
    } catch (error) {
      this.#inside = false;
      this.#undo(error);
      throw error;
    }
    this.#inside = false;
    return value;
  }

  /**
   * Undoes a write. SQLite answers some errors (disk full, I/O) by rolling the whole transaction back: then the batch
   * is lost with it.
   */
  #undo(error: unknown): void {
    try {
      if (this.#db.inTransaction) {
        this.#db.run('ROLLBACK TO write');
        this.#db.run('RELEASE write');
        return;
      }
    } catch {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK');
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    const told = this.#told(error);
    for (const one of waiting) one.reject(told);
  }
}
