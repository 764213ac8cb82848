import type { Database } from './database.ts';

export type OperationKind = 'rollback' | 'merge' | 'rm' | 'purge';
/**
 * `open`: begun and not ended; `done`; `undone`: undone by a person; `dropped`: ended without having changed anything.
 */
export type OperationState = 'open' | 'done' | 'undone' | 'dropped';

/** An operation of swarm on a person's work, which swarm can undo. */
export interface Operation {
  /** Grows with each operation. */
  id: number;
  kind: OperationKind;
  agent: string;
  state: OperationState;
  /** The data with which its kind is ended, or undone; JSON. */
  data: unknown;
  /** When it began, ms since 1970. */
  at: number;
}

interface Row extends Omit<Operation, 'data'> {
  data: string;
}

/** Older rows than these are forgotten: no undo reaches so far back. */
const KEPT = 1_000;

export class OperationTable {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** Begins an operation inside a write. */
  begin(kind: OperationKind, agent: string, data: unknown, state: OperationState = 'open'): number {
    this.#db.run(
      'INSERT INTO operations (kind, agent, state, data, at) VALUES (?, ?, ?, ?, ?)',
      kind,
      agent,
      state,
      JSON.stringify(data),
      this.#now(),
    );
    const id = this.#db.get<{ id: number }>('SELECT max(id) AS id FROM operations')?.id ?? 0;
    this.#db.run(`DELETE FROM operations WHERE state <> 'open' AND id <= ?`, id - KEPT);
    return id;
  }

  /** Changes an operation inside a write. */
  change(id: number, state: OperationState, data: unknown): void {
    this.#db.run('UPDATE operations SET state = ?, data = ? WHERE id = ?', state, JSON.stringify(data), id);
  }

  /** Marks an operation as undone, inside a write. Its data stays. */
  takeBack(id: number): void {
    this.#db.run(`UPDATE operations SET state = 'undone' WHERE id = ?`, id);
  }

  /** The operations that are begun and not ended, oldest first; those of one agent where it is named. */
  open(agent?: string): Operation[] {
    const rows = this.#db.all<Row>(`SELECT * FROM operations WHERE state = 'open' ORDER BY id`);
    return rows.filter((row) => agent === undefined || row.agent === agent).map(toOperation);
  }

  /** The newest operation of the agent that is done and was not undone. */
  lastDone(agent: string): Operation | undefined {
    const row = this.#db.get<Row>(
      `SELECT * FROM operations WHERE agent = ? AND state = 'done' ORDER BY id DESC LIMIT 1`,
      agent,
    );
    return row === undefined ? undefined : toOperation(row);
  }

  /** `lastDone` of every agent that ever was. */
  lastDoneOfEach(): Operation[] {
    const newest = `SELECT max(id) FROM operations WHERE state = 'done' GROUP BY agent`;
    return this.#db.all<Row>(`SELECT * FROM operations WHERE id IN (${newest}) ORDER BY id`).map(toOperation);
  }
}

function toOperation(row: Row): Operation {
  return { ...row, data: JSON.parse(row.data) as unknown };
}
