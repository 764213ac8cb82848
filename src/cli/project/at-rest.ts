import type { CheckpointDocument } from '../../api/checkpoints/schemas.ts';
import type { EventDocument } from '../../api/events/schemas.ts';
import type { Task } from '../../domain/task-document.ts';
import { listAllCheckpoints } from '../../checkpoint/refs/refs.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import type { TaskState } from '../../domain/task.ts';
import { taskDocument, taskDocuments } from '../../scheduler/document.ts';
import { resolveTask } from '../../scheduler/submit.ts';
import { AttemptTable } from '../../store/attempts.ts';
import { Database } from '../../store/database.ts';
import { storeError } from '../../store/errors.ts';
import { readEvents } from '../../store/events.ts';
import { refuseNewer } from '../../store/migrate.ts';
import { MIGRATIONS } from '../../store/schema.ts';
import { TaskTable } from '../../store/tasks.ts';
import { checkpointDocument } from '../../checkpoint/refs/document.ts';
import { unknownAgent } from '../../domain/unknown-agent.ts';

/** Reads the store and the checkpoints of a project whose supervisor is down. Changes nothing. */
export class AtRest implements Disposable {
  readonly #layout: ProjectLayout;
  readonly #db: Database;

  private constructor(layout: ProjectLayout, db: Database) {
    this.#layout = layout;
    this.#db = db;
  }

  /** @throws SwarmError `store-newer`, `store-corrupt`, … */
  static open(layout: ProjectLayout): AtRest {
    try {
      const db = Database.atRest(layout.db);
      refuseNewer(db, layout.db, MIGRATIONS.length);
      return new AtRest(layout, db);
    } catch (error) {
      throw storeError(error, layout.db);
    }
  }

  /** The tasks, newest first. */
  tasks({ state, limit }: { state?: TaskState | undefined; limit: number }): Task[] {
    return this.#read((tables) => taskDocuments(tables, tables.tasks.list({ state, limit }), Date.now()));
  }

  /** @throws SwarmError `unknown-task` */
  task(id: string): Task {
    return this.#read((tables) => {
      const row = tables.tasks.get(resolveTask(tables.tasks, id));
      if (row === undefined) throw new Error(`task ${id} is gone`);
      return taskDocument(tables, row, Date.now());
    });
  }

  /** A page of events, oldest first. */
  async eventsAfter(id: number, limit: number): Promise<EventDocument[]> {
    return this.#read(() => readEvents(this.#db, id, limit));
  }

  /** @param agent null: those of all. @throws SwarmError `unknown-agent` */
  async checkpoints(agent: string | null): Promise<CheckpointDocument[]> {
    const all = (await listAllCheckpoints(this.#layout.gitCommonDir)).map(checkpointDocument);
    if (agent === null) return all;
    const rows = this.#read(() => this.#db.all<{ id: string }>('SELECT id FROM agents ORDER BY id'));
    const names = [...new Set([...rows.map(({ id }) => id), ...all.map((one) => one.agent)])];
    if (names.includes(agent)) return all.filter((one) => one.agent === agent);
    throw unknownAgent(agent, names);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #read<T>(look: (tables: { tasks: TaskTable; attempts: AttemptTable }) => T): T {
    try {
      return look({ tasks: new TaskTable(this.#db), attempts: new AttemptTable(this.#db) });
    } catch (error) {
      throw storeError(error, this.#layout.db);
    }
  }
}
