import type { Database } from './database.ts';

/** Small facts of the project that have no table of their own; values are JSON. */
export class KeyValues {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(key: string): unknown {
    const row = this.#db.get<{ value: string }>('SELECT value FROM kv WHERE key = ?', key);
    return row === undefined ? undefined : JSON.parse(row.value);
  }

  getNumber(key: string): number | undefined {
    const value = this.get(key);
    return typeof value === 'number' ? value : undefined;
  }

  /** Inside a write. */
  set(key: string, value: unknown): void {
    this.#db.run(
      'INSERT INTO kv (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      JSON.stringify(value),
    );
  }

  /** Inside a write. */
  delete(key: string): void {
    this.#db.run('DELETE FROM kv WHERE key = ?', key);
  }
}
