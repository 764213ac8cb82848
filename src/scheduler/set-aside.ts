import { taskId } from '../domain/task-id.ts';
import type { AttemptRow, TaskRow } from '../store/task-rows.ts';
import { NO_SESSION, type PutBack } from './settle.ts';
import type { Step, Tables } from './step.ts';

/** A task that nobody works on, which an agent goes on with where it left it once it takes it again. */
export interface Resting {
  task: string;
  /** The conversation that it goes on in; null: a fresh one, or none. */
  sessionId: string | null;
}

type Sources = Pick<Tables, 'tasks' | 'attempts'>;

export function restingWith(sources: Sources, agent: string): Resting | null {
  const found = latestOf(sources, agent);
  return found === null ? null : { task: taskId(found.task.n), sessionId: found.last.session_id || null };
}

/** Worktree or conversation of an agent were set to another state while it had nothing in hand. */
export function putBackResting(step: Step, agent: string, { worktree, sessionId }: PutBack): void {
  // In a worktree that is not the task's its agent begins anew by itself, unless it is set back before that.
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
  // Done, or begun by somebody else.
  if (task.state === 'done' || task.attempts !== last.n) return null;
  return tasks.specs(`[${task.n}]`)[0]?.kind === 'claude' ? { task, last } : null;
}
