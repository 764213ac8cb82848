/** Tasks, attempts and results: the words that the store, the queue, the API and the CLI share. */

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const TASK_STATES = [
  'waiting',
  'ready',
  'leased',
  'running',
  'verifying',
  'retrying',
  'done',
  'dead',
  'cancelled',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** States in which an agent holds the task under a lease. */
export const HELD_STATES: readonly TaskState[] = ['leased', 'running', 'verifying'];
/** States that only a person's `retry` leaves. */
export const FINAL_STATES: readonly TaskState[] = ['done', 'dead', 'cancelled'];

/**
 * What becomes of a task when one that it waits for is dead or cancelled: it waits for a person, it is cancelled too, or
 * it begins without the code of that one.
 */
export const FAILURE_POLICIES = ['block', 'skip', 'continue'] as const;
export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

export interface Dependency {
  /** Id or key. */
  task: string;
  onFailure: FailurePolicy;
}

/** A task as it is submitted. Times in milliseconds. */
export interface TaskSpec {
  title: string;
  /** The prompt of a claude task; the title serves where it is absent. */
  prompt?: string | undefined;
  /** argv of a shell task; its presence makes the task's kind `shell`. */
  command?: string[] | undefined;
  priority: Priority;
  /** Every one of these must be done first; their code is merged in. A name alone has the policy `block`. */
  after: (string | Dependency)[];
  /** Begin at this task's tip instead of the base branch. It is a dependency too. */
  on?: string | undefined;
  needs: string[];
  /** Only this agent may take it. */
  agent?: string | undefined;
  /** Wall time of one attempt, ms. */
  timeoutMs?: number | undefined;
  /** Further attempts after a failed one (0 = none). Attempts lost by a crash have their own limit. */
  retries: number;
  /** Name of a verify command in the config; `none` switches the default off. */
  verify?: string | undefined;
  budgetUsd?: number | undefined;
  /** Idempotency: a second submit with the same key returns the first task. */
  key?: string | undefined;
}

/**
 * How an attempt ended. `lost`: the agent, wrapper or machine died. `released`: given back unbegun (shutdown, pause).
 */
export const ATTEMPT_OUTCOMES = ['done', 'failed', 'timeout', 'lost', 'released', 'cancelled'] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** Decides whether and how soon the task is tried again. */
export const ERROR_CLASSES = [
  'agent', // the agent said fail_task, or a shell command exited non-zero
  'verify', // the verify command still failed after the follow-ups
  'timeout',
  'conflict', // dependencies could not be merged
  'setup', // the worktree could not be prepared, or its program not be started just then
  'program', // its program, or that of its verify command, cannot be started: no further attempt would end otherwise
  'repository', // something in the repository is in the way that only a person can change
  'api', // the model's API failed after Claude Code's own retries
  'budget',
  'lost',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];
