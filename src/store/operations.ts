import type { TellBroken } from './broken.ts';
import type { Database } from './database.ts';
import { OPERATIONS, type OperationData, type OperationKind } from './operation-data.ts';

/**
 * `open`: begun and not ended; `done`; `undone`: undone by a person; `dropped`: ended without having changed anything.
 */
export type OperationState = 'open' | 'done' | 'undone' | 'dropped';

interface Row {
  /** Grows with each operation. */
  id: number;
  kind: OperationKind;
  agent: string;
  state: OperationState;
  /** JSON */
  data: string;
  /** When it began, ms since 1970. */
  at: number;
}

export interface OperationOf<Kind extends OperationKind> extends Omit<Row, 'kind' | 'data'> {
  kind: Kind;
  data: OperationData<Kind>;
}

/** An operation of swarm on a person's work, which swarm can undo. */
export type Operation = { [Kind in OperationKind]: OperationOf<Kind> }[OperationKind];

/** Older rows than these are forgotten: no undo reaches so far back. */
const KEPT = 1_000;

/** One whose data does not fit its schema counts as absent. */
export class OperationTable {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #tellBroken: TellBroken;

  constructor(db: Database, now: () => number, tellBroken: TellBroken) {
    this.#db = db;
    this.#now = now;
    this.#tellBroken = tellBroken;
  }

  /** Begins an operation inside a write. */
  begin<Kind extends OperationKind>(
    kind: Kind,
    agent: string,
    data: OperationData<Kind>,
    state: OperationState = 'open',
  ): number {
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
  change(id: number, state: OperationState, data: Operation['data']): void {
    this.#db.run('UPDATE operations SET state = ?, data = ? WHERE id = ?', state, JSON.stringify(data), id);
  }

  /** Marks an operation as undone, inside a write. Its data stays. */
  takeBack(id: number): void {
    this.#db.run(`UPDATE operations SET state = 'undone' WHERE id = ?`, id);
  }

  /** The operations that are begun and not ended, oldest first; those of one agent where it is named. */
  open(agent?: string): Operation[] {
    const rows = this.#db.all<Row>(`SELECT * FROM operations WHERE state = 'open' ORDER BY id`);
    return rows.filter((row) => agent === undefined || row.agent === agent).flatMap((row) => this.#read(row) ?? []);
  }

  /** The newest operation of the agent that is done and was not undone. */
  lastDone(agent: string): Operation | undefined {
    const row = this.#db.get<Row>(
      `SELECT * FROM operations WHERE agent = ? AND state = 'done' ORDER BY id DESC LIMIT 1`,
      agent,
    );
    return row === undefined ? undefined : this.#read(row);
  }

  /** `lastDone` of every agent that ever was. */
  lastDoneOfEach(): Operation[] {
    const newest = `SELECT max(id) FROM operations WHERE state = 'done' GROUP BY agent`;
    const rows = this.#db.all<Row>(`SELECT * FROM operations WHERE id IN (${newest}) ORDER BY id`);
    return rows.flatMap((row) => this.#read(row) ?? []);
  }

  #read(row: Row): Operation | undefined {
    try {
      return { ...row, data: OPERATIONS[row.kind].parse(JSON.parse(row.data)) } as Operation;
    } catch (error) {
      this.#tellBroken(`${row.kind} ${row.id} of ${row.agent}`, error);
      return undefined;
    }
  }
}
