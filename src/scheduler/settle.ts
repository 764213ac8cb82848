import type { TaskResult } from '../coordination/messages.ts';
import { taskId, taskNumber } from '../domain/task-id.ts';
import type { ErrorClass } from '../domain/task.ts';
import type { AttemptEnd } from '../store/attempts.ts';
import type { AttemptRow, LeaseRow, TaskRow } from '../store/task-rows.ts';
import { AFFINITY_MS, decideRetry, RETRY_BACKOFF } from './retry.ts';
import { decodeLane, reserveLane } from './lane.ts';
import type { Step } from './step.ts';

export interface Applied {
  applied: boolean;
  /** Why the result changed nothing. */
  reason?: string;
}

/** Ends an attempt with its result. Only the result of the current attempt counts; any other is recorded. */
export function applyResult(step: Step, result: TaskResult): Applied {
  const { tasks, attempts } = step.tables;
  const n = taskNumber(result.task);
  const task = n === undefined ? undefined : tasks.get(n);
  if (task === undefined) return { applied: false, reason: `there is no task ${result.task}` };
  const lease = attempts.leaseOf(task.n);
  if (lease?.attempt === result.attempt && lease.agent === result.agent) {
    settle(step, task, result);
    return { applied: true };
  }
  const attempt = attempts.get(task.n, result.attempt);
  if (isLate(task, attempt, result)) {
    succeed(step, task, result, 'succeed-late');
    return { applied: true };
  }
  const reason = staleReason(task, attempt, result);
  step.record('task.result.stale', task.n, result.agent, {
    attempt: result.attempt,
    outcome: result.outcome,
    commit: result.commit,
    reason,
  });
  return { applied: false, reason };
}

/** Ends an attempt as lost, whose processes are proved gone; its task is tried again if it may be. */
export function lose(step: Step, lease: LeaseRow, reason: string): void {
  failWith(step, lease, 'lost', 'lost', reason);
}

/**
 * Ends an attempt as failed, of which no process lives; it counts against the task's retries. The next attempt does not
 * resume its conversation.
 */
export function failHeld(step: Step, lease: LeaseRow, error: string): void {
  failWith(step, lease, 'failed', 'agent', error);
  step.tables.attempts.setSession(lease.task, lease.attempt, null);
}

function failWith(
  step: Step,
  lease: LeaseRow,
  outcome: 'lost' | 'failed',
  errorClass: ErrorClass,
  error: string,
): void {
  const task = heldTask(step, lease);
  const end = { agent: lease.agent, outcome, errorClass, error, sessionId: null, costUsd: 0 };
  if (task.cancelling === 1) cancelHeld(step, task, end);
  else fail(step, task, end);
}

function heldTask(step: Step, lease: LeaseRow): TaskRow {
  const task = step.tables.tasks.get(lease.task);
  if (task === undefined) throw new Error(`the lease of task ${lease.task} has no task`);
  return task;
}

/** Stored as the conversation of an attempt whose work the next one continues in a fresh conversation. */
export const NO_SESSION = '';

export interface PutBack {
  /**
   * `as-it-is`: the worktree was not changed; the next attempt goes on with it if this one had a first prompt.
   * `of-task`: the worktree was set to a state of the task; the next attempt goes on with it in any case. `anew`: the
   * next attempt begins from the start.
   */
  worktree: 'as-it-is' | 'of-task' | 'anew';
  /** The conversation to resume; null: a fresh one. Absent: the attempt's own. */
  sessionId?: string | null | undefined;
  /** Why, for people and for the agent. */
  reason: string;
}

/**
 * Puts a task back for its agent to go on with, and reserves it for that agent for a while. No process of the attempt
 * lives.
 */
export function putBack(step: Step, lease: LeaseRow, { worktree, sessionId, reason }: PutBack): void {
  const task = heldTask(step, lease);
  const end = { outcome: 'released', errorClass: null, error: reason, sessionId: null, costUsd: 0 } as const;
  if (task.cancelling === 1) {
    cancelHeld(step, task, { ...end, agent: lease.agent });
    return;
  }
  const { attempts } = step.tables;
  const own = attempts.get(task.n, task.attempts)?.session_id ?? null;
  finish(step, task, end);
  const goesOn = worktree === 'of-task' || (worktree === 'as-it-is' && own !== null);
  const session = sessionId === undefined ? own : sessionId;
  attempts.setSession(task.n, task.attempts, goesOn ? (session ?? NO_SESSION) : null);
  step.move(task, 'requeue', {
    note: reason,
    reserved_until: step.now + AFFINITY_MS,
    lane: reserveLane(task.lane, lease.agent),
  });
  step.record('task.released', task.n, lease.agent, { attempt: task.attempts, reason });
}

/**
 * Passes a task on: `to` may take it before all other agents, and begins it from the start. No process of the attempt
 * lives. It counts as a failure, so that the task does not go round for ever.
 */
export function passOn(step: Step, lease: LeaseRow, to: string, reason: string): void {
  const task = heldTask(step, lease);
  const end = { outcome: 'failed', errorClass: 'agent', error: reason, sessionId: null, costUsd: 0 } as const;
  const retries = step.tables.tasks.specs(`[${task.n}]`)[0]?.retries ?? 0;
  if (task.cancelling === 1) return cancelHeld(step, task, { ...end, agent: lease.agent });
  if (task.failures >= retries) return fail(step, task, { ...end, agent: lease.agent });
  finish(step, task, end);
  // The task may come back to this agent, when no other takes it in time.
  step.tables.attempts.setSession(task.n, task.attempts, null);
  step.move(task, 'requeue', {
    failures: task.failures + 1,
    note: `taken from ${lease.agent}: ${reason}`,
    reserved_until: step.now + AFFINITY_MS,
    lane: reserveLane(task.lane, to),
  });
  step.record('task.passed-on', task.n, lease.agent, { attempt: task.attempts, to, reason });
}

/** Extends the reservations of tasks for these agents. */
export function keepReserved(step: Step, agents: ReadonlySet<string>): void {
  for (const task of step.tables.tasks.reserved(step.now + AFFINITY_MS / 2)) {
    const { reservedFor } = decodeLane(task.lane);
    if (reservedFor !== null && agents.has(reservedFor)) step.amend(task, { reserved_until: step.now + AFFINITY_MS });
  }
}

/** Ends the attempt, and retries its task or gives it up. */
export function fail(step: Step, task: TaskRow, end: AttemptEnd & { agent: string; errorClass: ErrorClass }): void {
  finish(step, task, end);
  const decision = decideRetry(
    {
      errorClass: end.errorClass,
      error: end.error,
      agent: end.agent,
      failures: task.failures,
      losses: task.losses,
      retries: step.tables.tasks.specs(`[${task.n}]`)[0]?.retries ?? 0,
    },
    step.now,
    step.random,
  );
  const about = { attempt: task.attempts, errorClass: end.errorClass, error: end.error };
  switch (decision.then) {
    case 'retry':
      step.move(task, 'back-off', { failures: decision.failures, due_at: decision.at, note: decision.note });
      step.record('task.retrying', task.n, end.agent, { ...about, at: new Date(decision.at).toISOString() });
      return;
    case 'again':
      step.move(task, 'requeue', {
        losses: decision.losses,
        reserved_until: decision.reservedUntil,
        lane: reserveLane(task.lane, end.agent),
        note: decision.note,
      });
      step.record('task.lost', task.n, end.agent, about);
      return;
    case 'dead':
      step.move(task, 'give-up', { failures: decision.failures, losses: decision.losses, note: decision.note });
      step.record('task.dead', task.n, end.agent, about);
  }
}

/** Makes tasks ready whose time has come, and opens tasks to all agents whose reservation is over. */
export function promoteDue(step: Step): void {
  for (const task of step.tables.tasks.due(step.now, RETRY_BACKOFF.capMs)) step.makeReady(task, 'due');
  for (const task of step.tables.tasks.unreserved(step.now, AFFINITY_MS)) step.unreserve(task);
}

function settle(step: Step, task: TaskRow, result: TaskResult): void {
  const end = {
    agent: result.agent,
    outcome: result.outcome,
    error: result.error,
    sessionId: result.sessionId,
    costUsd: result.usage.costUsd,
  };
  if (task.cancelling === 1 || result.outcome === 'cancelled') {
    cancelHeld(step, task, { ...end, errorClass: result.errorClass });
    if (result.commit !== null) saveResult(step, task, result);
    return;
  }
  switch (result.outcome) {
    case 'done':
      succeed(step, task, result, 'succeed');
      return;
    case 'released':
      finish(step, task, { ...end, errorClass: null });
      step.move(task, 'requeue', {
        note: `given back by ${result.agent}${result.error === null ? '' : `: ${result.error}`}`,
      });
      step.record('task.released', task.n, result.agent, { attempt: result.attempt, reason: result.error });
      return;
    case 'lost':
      fail(step, task, { ...end, errorClass: 'lost' });
      return;
    case 'timeout':
      fail(step, task, { ...end, errorClass: 'timeout' });
      return;
    case 'failed':
      fail(step, task, { ...end, errorClass: result.errorClass ?? 'agent' });
  }
}

function succeed(step: Step, task: TaskRow, result: TaskResult, change: 'succeed' | 'succeed-late'): void {
  const end = {
    outcome: 'done',
    errorClass: null,
    error: null,
    sessionId: result.sessionId,
    costUsd: result.usage.costUsd,
  } as const;
  step.tables.attempts.end(task.n, result.attempt, end, step.now);
  step.tables.attempts.release(task.n);
  step.move(task, change, { note: null });
  saveResult(step, task, result);
  step.record('task.done', task.n, result.agent, {
    attempt: result.attempt,
    commit: result.commit,
    costUsd: result.usage.costUsd,
  });
  for (const dependent of step.tables.tasks.unblock(task.n)) step.makeReady(dependent, 'unblock');
}

/** The task's cost is that of all its attempts. */
function saveResult(step: Step, task: TaskRow, result: TaskResult): void {
  const row = {
    n: task.n,
    commit_id: result.commit,
    branch: result.branch,
    cost_usd: step.tables.attempts.costOf(task.n),
    summary: result.summary,
  };
  step.tables.tasks.saveResult(row, result.notes);
}

function cancelHeld(step: Step, task: TaskRow, end: AttemptEnd & { agent: string }): void {
  finish(step, task, end);
  step.move(task, 'cancel', { cancelling: 0, note: `cancelled while ${end.agent} worked on it` });
  step.record('task.cancelled', task.n, end.agent, { attempt: task.attempts });
}

function finish(step: Step, task: TaskRow, end: AttemptEnd): void {
  step.tables.attempts.end(task.n, task.attempts, end, step.now);
  step.tables.attempts.release(task.n);
}

/**
 * Whether a result comes late but in time: its wrapper died before the result got through, the attempt was counted as
 * lost, and now the result comes out of the spool. It is taken as long as no other attempt has begun.
 */
function isLate(task: TaskRow, attempt: AttemptRow | undefined, result: TaskResult): boolean {
  return (
    result.outcome === 'done' &&
    (task.state === 'ready' || task.state === 'retrying') &&
    attempt?.outcome === 'lost' &&
    attempt.agent === result.agent &&
    attempt.n === task.attempts
  );
}

function staleReason(task: TaskRow, attempt: AttemptRow | undefined, result: TaskResult): string {
  const id = taskId(task.n);
  if (attempt === undefined) return `${id} never had an attempt ${result.attempt}`;
  if (attempt.agent !== result.agent) return `attempt ${result.attempt} of ${id} belongs to ${attempt.agent}`;
  if (attempt.n < task.attempts) return `attempt ${task.attempts} of ${id} is the current one`;
  return `attempt ${result.attempt} of ${id} has ended already: ${attempt.outcome}`;
}
