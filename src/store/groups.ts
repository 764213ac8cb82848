import type { Database } from './database.ts';

export interface MemberRow {
  task: number;
  /** In its plan. */
  name: string;
}

/** The runs of plans, as rows. Methods that write must run inside `store.write`. */
export class GroupTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  has(name: string): boolean {
    return this.#db.get('SELECT 1 FROM groups WHERE name = ?', name) !== undefined;
  }

  byKey(key: string): string | undefined {
    return this.#db.get<{ name: string }>('SELECT name FROM groups WHERE key = ?', key)?.name;
  }

  insert(name: string, key: string | null, members: readonly MemberRow[], now: number): void {
    this.#db.run('INSERT INTO groups (name, key, created_at) VALUES (?, ?, ?)', name, key, now);
    for (const member of members)
      this.#db.run('INSERT INTO group_tasks (task, grp, name) VALUES (?, ?, ?)', member.task, name, member.name);
  }

  members(name: string): MemberRow[] {
    return this.#db.all<MemberRow>('SELECT task, name FROM group_tasks WHERE grp = ? ORDER BY task', name);
  }
}
