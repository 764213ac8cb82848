import type { EventMap, TaskEventName } from '../domain/events.ts';
import { changeState, type TaskChange } from '../domain/task-state.ts';
import { taskId } from '../domain/task-id.ts';
import type { AttemptTable } from '../store/attempts.ts';
import type { EventTable, StoredEvent } from '../store/events.ts';
import type { GroupTable } from '../store/groups.ts';
import type { TaskRow } from '../store/task-rows.ts';
import type { TaskTable } from '../store/tasks.ts';
import { reserveLane } from './lane.ts';
import { orderKey } from './order.ts';

export interface Tables {
  tasks: TaskTable;
  groups: GroupTable;
  attempts: AttemptTable;
  events: EventTable;
}

/**
 * One transaction of the engine: the tables, its time, and its changes, which listeners hear of when they are on disk.
 * Every change of a task's state goes through `move`.
 */
export class Step {
  readonly tables: Tables;
  readonly now: number;
  readonly random: () => number;
  readonly changed = new Set<number>();
  /** Tasks that are dead or cancelled since, whose dependents have not heard of it. */
  readonly failed: number[] = [];
  readonly happened: StoredEvent[] = [];

  constructor(tables: Tables, now: number, random: () => number) {
    this.tables = tables;
    this.now = now;
    this.random = random;
  }

  /** Changes the task's state, and other fields of its row; throws when the state does not allow it. */
  move(task: TaskRow, change: TaskChange, fields: Partial<Omit<TaskRow, 'n' | 'state'>> = {}): void {
    const was = task.state;
    Object.assign(task, fields);
    task.state = changeState(was, change);
    if (task.state !== 'retrying') task.due_at = null;
    if (task.state !== 'ready' && task.reserved_until !== null) this.#unreserve(task);
    if (task.state === 'dead' || task.state === 'cancelled') this.failed.push(task.n);
    this.#save(task, was);
  }

  /** Moves the task to `ready`, with its place in the order counted from now. */
  makeReady(
    task: TaskRow,
    change: 'unblock' | 'due' | 'revive',
    fields: Partial<Omit<TaskRow, 'n' | 'state'>> = {},
  ): void {
    this.move(task, change, { ...fields, order_key: orderKey(this.tables.tasks.priorityOf(task.n), this.now) });
  }

  /** Changes fields of the task, not its state. */
  amend(task: TaskRow, fields: Partial<Omit<TaskRow, 'n' | 'state'>>): void {
    Object.assign(task, fields);
    this.#save(task, task.state);
  }

  /** Opens a reserved task to all. */
  unreserve(task: TaskRow): void {
    this.#unreserve(task);
    this.#save(task, task.state);
  }

  record<N extends TaskEventName>(name: N, task: number, agent: string | null, data: EventMap[N]): void {
    const event = { at: new Date(this.now).toISOString(), name, agent, task: taskId(task), data: { ...data } };
    this.happened.push({ id: this.tables.events.insert(event), ...event });
  }

  #unreserve(task: TaskRow): void {
    task.lane = reserveLane(task.lane, null);
    task.reserved_until = null;
  }

  #save(task: TaskRow, was: TaskRow['state']): void {
    task.updated_at = this.now;
    this.tables.tasks.save(task, was);
    this.changed.add(task.n);
  }
}
