import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';

export interface StoredEvent {
  id: number;
  /** ISO 8601 */
  at: string;
  name: string;
  agent: string | null;
  task: string | null;
  data: Record<string, unknown>;
}

export type NewEvent = Omit<StoredEvent, 'id'>;

/** So many events are pruned at a time, so that an append rarely pays for it. */
const PRUNE_EVERY = 1_000;

/** The events, in order; the newest `keep` stay (and up to 999 more). Ids are never used twice. */
export class EventTable {
  readonly #db: Database;
  readonly #group: GroupCommit;
  readonly #keep: number;

  constructor(db: Database, group: GroupCommit, keep: number) {
    this.#db = db;
    this.#group = group;
    this.#keep = keep;
  }

  /** Appends an event. Resolves with its id once it is on disk. */
  append(event: NewEvent): Promise<number> {
    return this.#group.write(() => this.insert(event));
  }

  /** Inserts inside a write, as part of its transaction. */
  insert(event: NewEvent): number {
    const row = this.#db.get<{ id: number }>(
      'INSERT INTO events (at, name, agent, task, data) VALUES (?, ?, ?, ?, ?) RETURNING id',
      event.at,
      event.name,
      event.agent,
      event.task,
      JSON.stringify(event.data),
    );
    const id = row?.id ?? 0;
    if (id % PRUNE_EVERY === 0) this.#db.run('DELETE FROM events WHERE id <= ?', id - this.#keep);
    return id;
  }

  /** Events with a greater id, oldest first; for an id below zero, the last so many. */
  after(id: number, limit: number): StoredEvent[] {
    return readEvents(this.#db, id, limit);
  }

  /** Id of the newest event; 0 while there is none. */
  lastId(): number {
    return newestId(this.#db);
  }
}

function newestId(db: Database): number {
  return db.get<{ id: number | null }>('SELECT max(id) AS id FROM events')?.id ?? 0;
}

/** Events with a greater id, oldest first; for an id below zero, the last so many. */
export function readEvents(db: Database, id: number, limit: number): StoredEvent[] {
  const after = id < 0 ? newestId(db) + id : id;
  return db
    .all<Omit<StoredEvent, 'data'> & { data: string }>(
      'SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?',
      after,
      limit,
    )
    .map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}
