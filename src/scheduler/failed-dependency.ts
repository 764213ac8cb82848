import { taskId } from '../domain/task-id.ts';
import type { PolicyRow } from '../store/task-rows.ts';
import type { Step } from './step.ts';

/**
 * Tells the dependents of each task that is dead or cancelled since. Those that skip are cancelled too, and theirs hear
 * of it in turn. What blocks waits for a person.
 */
export function passFailuresOn(step: Step): void {
  for (let dep = step.failed.pop(); dep !== undefined; dep = step.failed.pop()) {
    for (const row of step.tables.tasks.policiesOf(dep)) passFailureOn(step, row);
  }
}

/** A task that goes on without `dep` waits for it no longer, also if that one is done later. */
export function passFailureOn(step: Step, { dep, task: n, on_failure }: Omit<PolicyRow, 'passed'>): void {
  const { tasks } = step.tables;
  const task = tasks.get(n);
  if (task?.state !== 'waiting') return;
  if (on_failure === 'skip') {
    step.move(task, 'cancel', { note: `skipped: ${taskId(dep)}` });
    step.record('task.cancelled', n, null, {});
    return;
  }
  tasks.pass(dep, n);
  if (task.blockers === 1) step.makeReady(task, 'unblock', { blockers: 0 });
  else step.amend(task, { blockers: task.blockers - 1 });
}
