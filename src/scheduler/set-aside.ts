import { taskId } from '../domain/task-id.ts';
import type { AttemptRow, TaskRow } from '../store/task-rows.ts';
import { NO_SESSION, type PutBack } from './settle.ts';
import type { Step, Tables } from './step.ts';

/** A task without an attempt under way, with which an agent goes on where it left off once it takes the task again. */
export interface Resting {
  task: string;
  /** The conversation in which it goes on; null: a fresh one, or none. */
  sessionId: string | null;
}

type Sources = Pick<Tables, 'tasks' | 'attempts'>;

export function restingWith(sources: Sources, agent: string): Resting | null {
  const found = latestOf(sources, agent);
  return found === null ? null : { task: taskId(found.task.n), sessionId: found.last.session_id || null };
}

/** Stores that the worktree or conversation of an agent was set back while the agent held no task. */
export function putBackResting(step: Step, agent: string, { worktree, sessionId }: PutBack): void {
  // In a worktree that is not at the task, the agent begins anew by itself, unless the worktree is set to the task
  // before.
  if (worktree !== 'of-task') return;
  const found = latestOf(step.tables, agent);
  if (found === null) return;
  const { task, last } = found;
  const session = sessionId === undefined ? last.session_id : sessionId;
  step.tables.attempts.setSession(task.n, last.n, session ?? NO_SESSION);
}

function latestOf({ tasks, attempts }: Sources, agent: string): { task: TaskRow; last: AttemptRow } | null {
  const last = attempts.latestOf(agent);
  const task = last === undefined ? undefined : tasks.get(last.task);
  if (last === undefined || task === undefined || last.ended_at === null) return null;
  // Done, or another attempt has begun.
  if (task.state === 'done' || task.attempts !== last.n) return null;
  return tasks.specs(`[${task.n}]`)[0]?.kind === 'claude' ? { task, last } : null;
}
