import { TASK_STATES, type Priority, type TaskState } from '../domain/task.ts';
import type { Database } from './database.ts';
import type { NoteKey } from './notes.ts';
import type { PolicyRow, ResultRow, SpecRow, TaskRow } from './task-rows.ts';

const SEED: NoteKey = 'task.seed';
const FULL_ROW =
  't.n, t.state, t.lane, t.order_key, t.due_at, t.reserved_until, t.blockers, t.attempts, t.failures, t.losses, t.cancelling, t.note, t.updated_at';

export interface ListFilter {
  state?: TaskState | undefined;
  /** Only tasks with a smaller number: the next page. */
  before?: number | undefined;
  limit: number;
}

/** Tasks, their dependencies and results, as rows. Methods that write must run inside `store.write`. */
export class TaskTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(n: number): TaskRow | undefined {
    return this.#db.get<TaskRow>('SELECT * FROM tasks WHERE n = ?', n);
  }

  priorityOf(n: number): Priority {
    const row = this.#db.get<{ priority: Priority }>('SELECT priority FROM task_specs WHERE n = ?', n);
    if (row === undefined) throw new Error(`task ${n} has no spec`);
    return row.priority;
  }

  /** `ns` is a JSON array of numbers, as for the next two: one statement for any number of tasks. */
  specs(ns: string): SpecRow[] {
    return this.#db.all<SpecRow>('SELECT * FROM task_specs WHERE n IN (SELECT value FROM json_each(?))', ns);
  }

  results(ns: string): ResultRow[] {
    return this.#db.all<ResultRow>('SELECT * FROM task_results WHERE n IN (SELECT value FROM json_each(?))', ns);
  }

  /** What a person should know of results, by task. */
  resultNotes(ns: string): Map<number, string[]> {
    // A store that only 0.1.0 has opened, read while swarm is down.
    const isThere = this.#db.get("SELECT 1 FROM sqlite_master WHERE name = 'result_notes'") !== undefined;
    const rows = isThere
      ? this.#db.all<{ task: number; notes: string }>(
          'SELECT * FROM result_notes WHERE task IN (SELECT value FROM json_each(?))',
          ns,
        )
      : [];
    return new Map(rows.map(({ task, notes }) => [task, JSON.parse(notes) as string[]]));
  }

  states(ns: string): { n: number; state: TaskState }[] {
    return this.#db.all('SELECT n, state FROM tasks WHERE n IN (SELECT value FROM json_each(?))', ns);
  }

  byKey(key: string): number | undefined {
    return this.#db.get<{ n: number }>('SELECT n FROM task_specs WHERE key = ?', key)?.n;
  }

  /** The newest keys, from which one near to a wrong key is offered. */
  recentKeys(limit: number): string[] {
    return this.#db
      .all<{ key: string }>('SELECT key FROM task_specs WHERE key IS NOT NULL ORDER BY n DESC LIMIT ?', limit)
      .map((row) => row.key);
  }

  highest(): number {
    return this.#db.get<{ n: number | null }>('SELECT max(n) AS n FROM tasks')?.n ?? 0;
  }

  next(): number {
    const seed = this.#db.get<{ value: string }>('SELECT value FROM kv WHERE key = ?', SEED);
    return Math.max(this.highest(), seed === undefined ? 0 : Number(seed.value)) + 1;
  }

  /** Notes that numbers up to this one are used outside the store. */
  seed(n: number): void {
    this.#db.run(
      'INSERT INTO kv (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))',
      SEED,
      String(n),
    );
  }

  /** `policies`: of dependencies that do not block. */
  insert(task: TaskRow, spec: SpecRow, dependencies: readonly number[], policies: readonly PolicyRow[] = []): void {
    this.#db.run(
      'INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      task.n,
      task.state,
      task.lane,
      task.order_key,
      task.due_at,
      task.reserved_until,
      task.blockers,
      task.attempts,
      task.failures,
      task.losses,
      task.cancelling,
      task.note,
      task.updated_at,
    );
    this.#db.run(
      'INSERT INTO task_specs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      spec.n,
      spec.title,
      spec.kind,
      spec.priority,
      spec.command,
      spec.after_tasks,
      spec.on_task,
      spec.needs,
      spec.agent,
      spec.timeout_ms,
      spec.retries,
      spec.verify,
      spec.budget_usd,
      spec.key,
      spec.created_at,
      spec.prompt,
    );
    for (const dep of dependencies) this.#db.run('INSERT INTO dependencies (dep, task) VALUES (?, ?)', dep, task.n);
    for (const { dep, on_failure } of policies)
      this.#db.run('INSERT INTO dependency_policies (dep, task, on_failure) VALUES (?, ?, ?)', dep, task.n, on_failure);
    this.#count(task.state, 1);
  }

  /** Writes the row back; `was` is the state that it had in the store. */
  save(task: TaskRow, was: TaskState): void {
    this.#db.run(
      `UPDATE tasks SET state = ?, lane = ?, order_key = ?, due_at = ?, reserved_until = ?, blockers = ?, attempts = ?,
       failures = ?, losses = ?, cancelling = ?, note = ?, updated_at = ? WHERE n = ?`,
      task.state,
      task.lane,
      task.order_key,
      task.due_at,
      task.reserved_until,
      task.blockers,
      task.attempts,
      task.failures,
      task.losses,
      task.cancelling,
      task.note,
      task.updated_at,
      task.n,
    );
    if (task.state === was) return;
    this.#count(was, -1);
    this.#count(task.state, 1);
  }

  saveResult(result: ResultRow, notes: readonly string[]): void {
    this.#db.run('DELETE FROM result_notes WHERE task = ?', result.n);
    if (notes.length > 0) this.#db.run('INSERT INTO result_notes VALUES (?, ?)', result.n, JSON.stringify(notes));
    this.#db.run(
      'INSERT OR REPLACE INTO task_results VALUES (?, ?, ?, ?, ?)',
      result.n,
      result.commit_id,
      result.branch,
      result.cost_usd,
      result.summary,
    );
  }

  /** The tasks that wait for `n` and will not wait for a person when it fails. */
  policiesOf(n: number): PolicyRow[] {
    return this.#db.all<PolicyRow>('SELECT * FROM dependency_policies WHERE dep = ? AND passed = 0 ORDER BY task', n);
  }

  /** The policies of these tasks; `ns` as for specs. */
  policies(ns: string): PolicyRow[] {
    // A store that only an earlier version has opened, read while swarm is down.
    if (this.#db.get("SELECT 1 FROM sqlite_master WHERE name = 'dependency_policies'") === undefined) return [];
    return this.#db.all<PolicyRow>(
      'SELECT * FROM dependency_policies WHERE task IN (SELECT value FROM json_each(?))',
      ns,
    );
  }

  /** `task` no longer waits for `dep`. */
  pass(dep: number, task: number): void {
    this.#db.run('UPDATE dependency_policies SET passed = 1 WHERE dep = ? AND task = ?', dep, task);
  }

  /** Counts one dependency less for each task that waits for `n`; returns those that wait for none now. */
  unblock(n: number): TaskRow[] {
    const changed = this.#db.run(
      `UPDATE tasks SET blockers = blockers - 1 WHERE n IN (
         SELECT task FROM dependencies WHERE dep = ?
         EXCEPT SELECT task FROM dependency_policies WHERE dep = ? AND passed = 1)`,
      n,
      n,
    );
    if (changed === 0) return [];
    return this.#db.all<TaskRow>(
      `SELECT ${FULL_ROW} FROM dependencies d JOIN tasks t ON t.n = d.task WHERE d.dep = ? AND t.blockers = 0 AND t.state = 'waiting'`,
      n,
    );
  }

  counts(): Record<TaskState, number> {
    const counts = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>;
    for (const row of this.#db.all<{ state: TaskState; count: number }>('SELECT state, count FROM task_counts'))
      counts[row.state] = row.count;
    return counts;
  }

  count(state: TaskState): number {
    return this.#db.get<{ count: number }>('SELECT count FROM task_counts WHERE state = ?', state)?.count ?? 0;
  }

  /** The tasks that match, newest first. */
  list(filter: ListFilter): TaskRow[] {
    const before = filter.before ?? Number.MAX_SAFE_INTEGER;
    if (filter.state === undefined)
      return this.#db.all<TaskRow>('SELECT * FROM tasks WHERE n < ? ORDER BY n DESC LIMIT ?', before, filter.limit);
    return this.#db.all<TaskRow>(
      'SELECT * FROM tasks WHERE state = ? AND n < ? ORDER BY n DESC LIMIT ?',
      filter.state,
      before,
      filter.limit,
    );
  }

  /** Number of ready tasks of a lane, counted up to `limit`. */
  readyInLane(lane: string, limit: number): number {
    const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM tasks INDEXED BY tasks_ready WHERE state = 'ready' AND lane = ? LIMIT ?)`;
    return this.#db.get<{ n: number }>(sql, lane, limit)?.n ?? 0;
  }

  /**
   * The lanes that have a ready task, from `prefix` on; one index look-up each, however many tasks there are. The index
   * is named because the planner, without statistics, prefers the one by state and sorts every ready task.
   */
  *readyLanes(prefix: string): Generator<string> {
    const end = `${prefix}\u{10ffff}`;
    let last = prefix;
    for (;;) {
      const row = this.#db.get<{ lane: string }>(
        `SELECT lane FROM tasks INDEXED BY tasks_ready WHERE state = 'ready' AND lane > ? AND lane < ? ORDER BY lane LIMIT 1`,
        last,
        end,
      );
      if (row === undefined) return;
      yield row.lane;
      last = row.lane;
    }
  }

  bestOfLane(lane: string): { n: number; order_key: number } | undefined {
    return this.#db.get(
      `SELECT n, order_key FROM tasks INDEXED BY tasks_ready WHERE state = 'ready' AND lane = ? ORDER BY order_key, n LIMIT 1`,
      lane,
    );
  }

  /**
   * Retrying tasks whose time has come. A time further away than `horizonMs` comes from a clock that was set back
   * since, and counts as due.
   */
  due(now: number, horizonMs: number): TaskRow[] {
    return this.#db.all<TaskRow>(
      'SELECT * FROM tasks WHERE due_at IS NOT NULL AND (due_at <= ? OR due_at > ?)',
      now,
      now + horizonMs,
    );
  }

  /** Ready tasks whose reservation is over. */
  unreserved(now: number, horizonMs: number): TaskRow[] {
    return this.#db.all<TaskRow>(
      'SELECT * FROM tasks WHERE reserved_until IS NOT NULL AND (reserved_until <= ? OR reserved_until > ?)',
      now,
      now + horizonMs,
    );
  }

  /** Tasks whose reservation ends before `before`. */
  reserved(before: number): TaskRow[] {
    return this.#db.all<TaskRow>('SELECT * FROM tasks WHERE reserved_until IS NOT NULL AND reserved_until < ?', before);
  }

  /** The next moment at which `due` or `unreserved` finds a task. */
  nextDue(): number | null {
    return (
      this.#db.get<{ at: number | null }>(
        `SELECT min(at) AS at FROM (
           SELECT min(due_at) AS at FROM tasks WHERE due_at IS NOT NULL
           UNION ALL SELECT min(reserved_until) FROM tasks WHERE reserved_until IS NOT NULL)`,
      )?.at ?? null
    );
  }

  #count(state: TaskState, by: number): void {
    this.#db.run(
      'INSERT INTO task_counts (state, count) VALUES (?, ?) ON CONFLICT (state) DO UPDATE SET count = count + excluded.count',
      state,
      by,
    );
  }
}
