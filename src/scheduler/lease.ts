import type { Heartbeat } from '../coordination/messages.ts';
import type { TaskChange } from '../domain/task-state.ts';
import { taskId, taskNumber } from '../domain/task-id.ts';
import type { TaskState } from '../domain/task.ts';
import type { LeaseRow } from '../store/task-rows.ts';
import type { Step, Tables } from './step.ts';

export interface AttemptRef {
  task: string;
  attempt: number;
}

/** An agent's hold on a task; times in ms since 1970. */
export interface Lease extends AttemptRef {
  agent: string;
  slot: number;
  incarnation: string;
  since: number;
  expiresAt: number;
}

export interface HeartbeatAnswer {
  /** Attempts that this agent and incarnation do not hold: to be dropped without a result. */
  drop: AttemptRef[];
  /** Attempts that a person has cancelled: to be stopped and reported as cancelled. */
  cancel: AttemptRef[];
}

type Phase = Heartbeat['attempts'][number]['phase'];

/** The task's state in each phase of an attempt; asking a person is part of the run, reporting changes nothing. */
type PhaseEvent = 'task.preparing' | 'task.running' | 'task.verifying';
const PHASE: Readonly<Record<Phase, { state: TaskState; change: TaskChange; event: PhaseEvent } | null>> = {
  preparing: { state: 'leased', change: 'prepare', event: 'task.preparing' },
  running: { state: 'running', change: 'work', event: 'task.running' },
  asking: { state: 'running', change: 'work', event: 'task.running' },
  verifying: { state: 'verifying', change: 'verify', event: 'task.verifying' },
  reporting: null,
};

/**
 * A heartbeat is stored when it moves the lease's end by at least this share of the lease: heartbeats are frequent, and
 * each write costs a flush of the disk. So a lease may end that much earlier after the last heartbeat.
 */
export const WORTH_WRITING = 1 / 8;

/** An attempt with a change to store: its lease is to be extended, or its task follows the phase. */
interface Due {
  n: number;
  attempt: number;
  leaseMs: number;
  told: (typeof PHASE)[Phase];
}

/** The answer to a heartbeat, and the changes that are to be stored. Reads only. */
export function weigh(
  { attempts }: Pick<Tables, 'attempts'>,
  heartbeat: Heartbeat,
  now: number,
  worth: number,
): { answer: HeartbeatAnswer; due: Due[] } {
  const answer: HeartbeatAnswer = { drop: [], cancel: [] };
  const due: Due[] = [];
  for (const { task, attempt, phase } of heartbeat.attempts) {
    const n = taskNumber(task) ?? 0;
    const hold = attempts.holdOf(n);
    const isTheirs =
      hold?.attempt === attempt && hold.agent === heartbeat.agent && hold.incarnation === heartbeat.incarnation;
    if (hold === undefined || !isTheirs) {
      answer.drop.push({ task, attempt });
      continue;
    }
    if (hold.cancelling === 1) answer.cancel.push({ task, attempt });
    const told = PHASE[phase];
    const moves = told !== null && told.state !== hold.state;
    const by = Math.abs(now + hold.lease_ms - hold.expires_at);
    if (moves || by >= hold.lease_ms * worth) due.push({ n, attempt, leaseMs: hold.lease_ms, told });
  }
  return { answer, due };
}

export function beat(step: Step, agent: string, due: readonly Due[]): void {
  const { tasks, attempts } = step.tables;
  for (const { n, attempt, leaseMs, told } of due) {
    attempts.extend(n, step.now + leaseMs);
    const task = tasks.get(n);
    if (task === undefined || told === null || told.state === task.state) continue;
    step.move(task, told.change);
    step.record(told.event, n, agent, { attempt });
  }
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
