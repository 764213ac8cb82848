import type { Heartbeat } from '../coordination/messages.ts';
import type { TaskChange } from '../domain/task-state.ts';
import { taskId, taskNumber } from '../domain/task-id.ts';
import type { TaskState } from '../domain/task.ts';
import type { LeaseRow } from '../store/task-rows.ts';
import type { Step } from './step.ts';

export interface AttemptRef {
  task: string;
  attempt: number;
}

/** Who holds a task; times in ms since 1970. */
export interface Lease extends AttemptRef {
  agent: string;
  slot: number;
  incarnation: string;
  since: number;
  expiresAt: number;
}

export interface HeartbeatAnswer {
  /** Attempts that are not, or no longer, this process's: to be dropped without a result. */
  drop: AttemptRef[];
  /** Attempts that somebody has asked to cancel: to be stopped and reported as cancelled. */
  cancel: AttemptRef[];
}

type Phase = Heartbeat['attempts'][number]['phase'];

/** What a phase says of the task's state; asking a person is part of the run, reporting changes nothing. */
const PHASE: Readonly<Record<Phase, { state: TaskState; change: TaskChange; event: string } | null>> = {
  preparing: { state: 'leased', change: 'prepare', event: 'task.preparing' },
  running: { state: 'running', change: 'work', event: 'task.running' },
  asking: { state: 'running', change: 'work', event: 'task.running' },
  verifying: { state: 'verifying', change: 'verify', event: 'task.verifying' },
  reporting: null,
};

export function beat(step: Step, heartbeat: Heartbeat): HeartbeatAnswer {
  const { tasks, attempts } = step.tables;
  const answer: HeartbeatAnswer = { drop: [], cancel: [] };
  for (const { task: id, attempt, phase } of heartbeat.attempts) {
    const n = taskNumber(id) ?? 0;
    const lease = attempts.leaseOf(n);
    const task = tasks.get(n);
    const isTheirs =
      lease?.attempt === attempt && lease.agent === heartbeat.agent && lease.incarnation === heartbeat.incarnation;
    if (task === undefined || lease === undefined || !isTheirs) {
      answer.drop.push({ task: id, attempt });
      continue;
    }
    attempts.extend(n, step.now + lease.lease_ms);
    if (task.cancelling === 1) answer.cancel.push({ task: id, attempt });
    const told = PHASE[phase];
    if (told === null || told.state === task.state) continue;
    step.move(task, told.change);
    step.record(told.event, n, heartbeat.agent, { attempt });
  }
  return answer;
}

export function leaseDocument(row: LeaseRow): Lease {
  return {
    task: taskId(row.task),
    attempt: row.attempt,
    agent: row.agent,
    slot: row.slot,
    incarnation: row.incarnation,
    since: row.since,
    expiresAt: row.expires_at,
  };
}
