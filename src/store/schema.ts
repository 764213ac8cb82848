import type { Database } from './database.ts';

/**
 * One step per version, oldest first; a released step is never changed. Times are milliseconds since 1970.
 *
 * The fixed part of a task (its prompt may have a megabyte) lies apart from the part that changes at each step of its
 * life, so that a change of state writes a hundred bytes.
 */
export const MIGRATIONS: readonly ((db: Database) => void)[] = [
  (db) =>
    db.exec(`
CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
  n INTEGER PRIMARY KEY,
  state TEXT NOT NULL,
  lane TEXT NOT NULL,
  order_key INTEGER NOT NULL,
  due_at INTEGER,
  reserved_until INTEGER,
  blockers INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  cancelling INTEGER NOT NULL,
  note TEXT,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_state ON tasks (state);
CREATE INDEX tasks_ready ON tasks (lane, order_key) WHERE state = 'ready';
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_reserved ON tasks (reserved_until) WHERE reserved_until IS NOT NULL;
CREATE TABLE task_counts (state TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE task_specs (
  n INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  priority TEXT NOT NULL,
  command TEXT,
  after_tasks TEXT NOT NULL,
  on_task INTEGER,
  needs TEXT NOT NULL,
  agent TEXT,
  timeout_ms INTEGER,
  retries INTEGER NOT NULL,
  verify TEXT,
  budget_usd REAL,
  key TEXT,
  created_at INTEGER NOT NULL,
  prompt TEXT
) STRICT;
CREATE UNIQUE INDEX task_specs_key ON task_specs (key) WHERE key IS NOT NULL;

CREATE TABLE task_results (
  n INTEGER PRIMARY KEY,
  commit_id TEXT,
  branch TEXT,
  cost_usd REAL NOT NULL,
  summary TEXT NOT NULL
) STRICT;

CREATE TABLE dependencies (dep INTEGER NOT NULL, task INTEGER NOT NULL, PRIMARY KEY (dep, task)) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  seq INTEGER PRIMARY KEY,
  task INTEGER NOT NULL,
  n INTEGER NOT NULL,
  agent TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT,
  error_class TEXT,
  error TEXT,
  session_id TEXT,
  cost_usd REAL NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX attempts_of_task ON attempts (task, n);
CREATE INDEX attempts_of_agent ON attempts (agent, seq);

CREATE TABLE leases (
  task INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  agent TEXT NOT NULL,
  slot INTEGER NOT NULL,
  incarnation TEXT NOT NULL,
  since INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  frozen TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX leases_of_slot ON leases (agent, slot);

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  kind TEXT NOT NULL,
  desired TEXT NOT NULL,
  spec TEXT NOT NULL,
  session_id TEXT,
  restarts INTEGER NOT NULL DEFAULT 0,
  checkpoint INTEGER,
  cost_usd REAL NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  cache_read_tokens INTEGER NOT NULL DEFAULT 0,
  cache_creation_tokens INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  receipt TEXT NOT NULL,
  reason TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_queued ON messages (agent, seq) WHERE receipt = 'queued';

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  name TEXT NOT NULL,
  agent TEXT,
  task TEXT,
  data TEXT NOT NULL
) STRICT;
`),
  // Operations of swarm on people's work, with the data to undo them or to end them after a kill.
  (db) =>
    db.exec(`
CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  agent TEXT NOT NULL,
  state TEXT NOT NULL,
  data TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_of_agent ON operations (agent, id);
CREATE INDEX operations_open ON operations (id) WHERE state = 'open';
`),
  // The statuses of each agent in the last day.
  (db) =>
    db.exec(`
CREATE TABLE health (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  agent TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX health_of_agent ON health (agent, id);
`),
];

/**
 * Tables that versions before them need not know. They are made where they are missing, without a new format, so that
 * those versions still go on with the store. `result_notes`: what a person should know of a result; JSON, a list of
 * sentences. `dependency_policies`: what becomes of `task` when `dep` fails, where it does not wait for a person; `passed`
 * is 1 once it no longer waits for `dep`, although that one is not done. `groups`: the runs of plans; `group_tasks`: their
 * tasks, in the order of the plan.
 */
export const ADDED_TABLES = `
CREATE TABLE IF NOT EXISTS result_notes (
  task INTEGER PRIMARY KEY,
  notes TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS dependency_policies (
  dep INTEGER NOT NULL,
  task INTEGER NOT NULL,
  on_failure TEXT NOT NULL,
  passed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (dep, task)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (
  name TEXT PRIMARY KEY,
  key TEXT UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS group_tasks (
  task INTEGER PRIMARY KEY,
  grp TEXT NOT NULL,
  name TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS group_tasks_of ON group_tasks (grp, task);
`;
