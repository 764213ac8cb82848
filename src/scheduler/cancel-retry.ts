import { SwarmError } from '../domain/errors.ts';
import { taskId } from '../domain/task-id.ts';
import type { Task } from '../domain/task-document.ts';
import type { TaskRow } from '../store/task-rows.ts';
import { taskDocument } from './document.ts';
import { leaseDocument, type Lease } from './lease.ts';
import type { Step } from './step.ts';

export interface Cancelled {
  task: Task;
  /**
   * The lease, while an agent holds the task: the caller tells its wrapper, and the task is cancelled when the wrapper
   * has stopped. Null: the task is cancelled.
   */
  lease: Lease | null;
}

/** Cancels a task. A second call changes nothing. */
export function cancelTask(step: Step, task: TaskRow): Cancelled {
  const lease = step.tables.attempts.leaseOf(task.n);
  if (lease !== undefined) {
    if (task.cancelling === 0) {
      step.amend(task, { cancelling: 1 });
      step.record('task.cancelling', task.n, lease.agent, { attempt: lease.attempt });
    }
    return { task: taskDocument(step.tables, task, step.now), lease: leaseDocument(lease) };
  }
  if (task.state === 'done') {
    throw new SwarmError('task-state', `${taskId(task.n)} is done and cannot be cancelled.`, {
      hint: `See what it did with \`swarm diff ${taskId(task.n)}\`; it is in no branch of yours until you merge it.`,
    });
  }
  if (task.state !== 'cancelled') {
    step.move(task, 'cancel', { note: null });
    step.record('task.cancelled', task.n, null, {});
  }
  return { task: taskDocument(step.tables, task, step.now), lease: null };
}

/**
 * Makes a dead or cancelled task ready again. Its attempts stay as its history; retries and losses are counted anew.
 */
export function retryTask(step: Step, task: TaskRow): Task {
  const id = taskId(task.n);
  if (task.state === 'done') {
    throw new SwarmError('task-state', `${id} is done.`, {
      hint: `Go on from it with \`swarm task add … --on ${id}\`.`,
    });
  }
  if (task.state !== 'dead' && task.state !== 'cancelled') {
    throw new SwarmError('task-state', `${id} is ${task.state}; only a dead or cancelled task can be retried.`, {
      hint: `See why it is there with \`swarm task show ${id}\`.`,
    });
  }
  const renewed = { failures: 0, losses: 0, cancelling: 0, note: null };
  if (task.blockers === 0) step.makeReady(task, 'revive', renewed);
  else step.move(task, 'revive-blocked', renewed);
  step.record('task.revived', task.n, null, {});
  return taskDocument(step.tables, task, step.now);
}
