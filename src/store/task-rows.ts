import type { AttemptOutcome, ErrorClass, Priority, TaskState } from '../domain/task.ts';

/** The part of a task that changes, as stored. Times in ms since 1970. */
export interface TaskRow {
  n: number;
  state: TaskState;
  /** Which agents may take it: tasks of one lane are alike in that, so a claim looks only at the best of each lane. */
  lane: string;
  /** The smaller, the sooner; counts while ready. */
  order_key: number;
  /** retrying: when it becomes ready. */
  due_at: number | null;
  /** ready, after a loss: until then only the agent that lost it may take it. */
  reserved_until: number | null;
  /** Dependencies that are not done. */
  blockers: number;
  /** Number of the newest attempt. */
  attempts: number;
  /** Failed attempts that count against `retries`. */
  failures: number;
  /** Attempts lost by a crash. */
  losses: number;
  /** 1 once a person has cancelled it while an agent held it. */
  cancelling: number;
  /** For people: why it is in its state. */
  note: string | null;
  updated_at: number;
}

/** The fixed part of a task. */
export interface SpecRow {
  n: number;
  title: string;
  kind: 'claude' | 'shell';
  priority: Priority;
  /** JSON array, as `after_tasks` (numbers) and `needs`. */
  command: string | null;
  after_tasks: string;
  on_task: number | null;
  needs: string;
  agent: string | null;
  timeout_ms: number | null;
  retries: number;
  verify: string | null;
  budget_usd: number | null;
  key: string | null;
  created_at: number;
  prompt: string | null;
}

/** A dependency whose failure does not make its dependent wait for a person. */
export interface PolicyRow {
  dep: number;
  task: number;
  on_failure: 'skip' | 'continue';
  /** 1: `dep` failed, and `task` does not wait for it any more. */
  passed: number;
}

export interface AttemptRow {
  /** Grows over all tasks: the order in which attempts began. */
  seq: number;
  task: number;
  n: number;
  agent: string;
  started_at: number;
  ended_at: number | null;
  outcome: AttemptOutcome | null;
  error_class: ErrorClass | null;
  error: string | null;
  session_id: string | null;
  cost_usd: number;
}

export interface LeaseRow {
  task: number;
  attempt: number;
  agent: string;
  slot: number;
  incarnation: string;
  since: number;
  expires_at: number;
  lease_ms: number;
  /** JSON: the parts of the order that the task does not hold. */
  frozen: string;
}

/** A lease, with the state of its task. */
export type HoldRow = Pick<LeaseRow, 'attempt' | 'agent' | 'incarnation' | 'expires_at' | 'lease_ms'> &
  Pick<TaskRow, 'state' | 'cancelling'>;

export interface ResultRow {
  n: number;
  commit_id: string | null;
  branch: string | null;
  cost_usd: number;
  summary: string;
}
