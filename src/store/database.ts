import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export type SqlValue = SQLInputValue;

/** How long a statement waits for another program's lock; it blocks the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 1_000;

/** One connection with its statements prepared once. Errors are SQLite's own; the store translates them. */
export class Database implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string | URL, options: { timeout?: number; readOnly?: boolean } = {}) {
    this.#db = new DatabaseSync(path, {
      timeout: options.timeout ?? BUSY_TIMEOUT_MS,
      readOnly: options.readOnly ?? false,
      enableForeignKeyConstraints: false,
    });
  }

  /**
   * Opens a file for reading without leaving a trace, while no process writes it: beside a file at rest SQLite would
   * make a -wal and a -shm, which no reader may remove. The -wal of a killed writer is read too.
   */
  static atRest(path: string): Database {
    if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
      return new Database(path, { readOnly: true });
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return new Database(url, { readOnly: true });
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  /** Runs any SQL without parameters, also several statements. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Runs a statement. Returns the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** One row. The caller names its type: columns and types are fixed by the schema (STRICT tables). */
  get<T>(sql: string, ...values: SqlValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined;
  }

  all<T>(sql: string, ...values: SqlValue[]): T[] {
    return this.#prepare(sql).all(...values) as T[];
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
