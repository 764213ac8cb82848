import type { ClaimReply, Heartbeat, TaskResult } from '../coordination/messages.ts';
import { taskId, taskNumber } from '../domain/task-id.ts';
import type { Task } from '../domain/task-document.ts';
import type { TaskSpec, TaskState } from '../domain/task.ts';
import { AttemptTable } from '../store/attempts.ts';
import type { StoredEvent } from '../store/events.ts';
import { GroupTable } from '../store/groups.ts';
import type { Store, WallClock } from '../store/store.ts';
import type { TaskRow } from '../store/task-rows.ts';
import { TaskTable } from '../store/tasks.ts';
import { claimTask, hasWork, type Claim, type ClaimContext } from './claim.ts';
import { taskDocument, taskDocuments } from './document.ts';
import {
  beat,
  leaseDocument,
  weigh,
  WORTH_WRITING,
  type AttemptRef,
  type HeartbeatAnswer,
  type Lease,
} from './lease.ts';
import { decodeLane, lanePrefix, mayTake, type Claimer, type Lane } from './lane.ts';
import { cancelTask, retryTask, type Cancelled } from './cancel-retry.ts';
import {
  applyResult,
  failHeld,
  keepReserved,
  lose,
  passOn,
  promoteDue,
  putBack,
  type Applied,
  type PutBack,
} from './settle.ts';
import { passFailuresOn } from './failed-dependency.ts';
import { Step, type Tables } from './step.ts';
import { putBackResting, restingWith, type Resting } from './set-aside.ts';
import { submitGroup, type NewGroup, type SubmittedGroup } from './group.ts';
import { resolveTask, submitBatch, type Submitted, type SubmitRules } from './submit.ts';
import type { SpecRules } from './validate.ts';

export interface TaskEngineOptions extends SpecRules {
  store: Store;
  clock?: WallClock;
  /** Most tasks that are not done, dead or cancelled. */
  maxOpenTasks?: number;
  /** Uniform in [0, 1), for the jitter of retries. */
  random?: () => number;
  /** Called when a listener threw. */
  onError: (error: unknown) => void;
}

export interface TaskFilter {
  state?: TaskState | undefined;
  /** Only tasks older than this one: the next page. */
  before?: string | undefined;
  /** Most tasks in the answer; default 1,000. */
  limit?: number | undefined;
}

const MAX_OPEN_TASKS = 100_000;
const DEFAULT_LIMIT = 1_000;

/**
 * Tasks from submit to done. Every promise resolves when its changes are on disk; listeners are called then too. Reads
 * answer at once and may see changes that are about to be committed.
 */
export class TaskEngine {
  readonly #options: TaskEngineOptions;
  readonly #store: Store;
  readonly #clock: WallClock;
  readonly #tables: Tables;
  readonly #changeListeners = new Set<(taskIds: string[]) => void>();
  readonly #eventListeners = new Set<(events: StoredEvent[]) => void>();

  constructor(options: TaskEngineOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock ?? options.store.clock;
    this.#tables = this.#store.read((db) => ({
      tasks: new TaskTable(db),
      groups: new GroupTable(db),
      attempts: new AttemptTable(db),
      events: this.#store.events,
    }));
  }

  /**
   * Stores all tasks of the batch or none. Throws SwarmError `bad-task`, `unknown-task`, `unknown-agent`,
   * `unknown-verify`, `dependency-cycle` or `too-many-tasks`.
   */
  submit(specs: readonly TaskSpec[]): Promise<Submitted[]> {
    return this.#change((step) => submitBatch(step, specs, this.#submitRules()));
  }

  /**
   * Stores the tasks of a plan as one group: all of them or none. A key that a stored group has adds nothing. Throws as
   * `submit`.
   */
  submitGroup(group: NewGroup): Promise<SubmittedGroup> {
    return this.#change((step) => submitGroup(step, group, this.#submitRules()));
  }

  /** Makes new ids lie above `n`: task branches up to there exist already. */
  seedNumber(n: number): Promise<void> {
    return this.#change((step) => step.tables.tasks.seed(n));
  }

  /** Gives the best task for this claimer now, or the one that its slot holds already. */
  claim(claim: Claim, context: ClaimContext): Promise<ClaimReply> {
    return this.#change((step) => claimTask(step, claim, context));
  }

  /**
   * Extends leases and follows the phases of work.
   * @param worth least share of its length by which a lease's end must move for a write
   */
  async heartbeat(heartbeat: Heartbeat, worth: number = WORTH_WRITING): Promise<HeartbeatAnswer> {
    const now = this.#clock.now();
    const { answer, due } = weigh(this.#tables, heartbeat, now, worth);
    if (due.length > 0) await this.#change((step) => beat(step, heartbeat.agent, due), now);
    return answer;
  }

  /** Takes a result in. A result that comes again, or for an attempt that is not current, changes nothing. */
  result(result: TaskResult): Promise<Applied> {
    return this.#change((step) => applyResult(step, result));
  }

  /**
   * Ends attempts as lost. The caller has proved that their processes are gone: all of the agent's, or those of one
   * incarnation, except `except`. Returns the tasks.
   */
  lost(
    who: { agent: string; incarnation?: string | undefined; except?: readonly AttemptRef[] | undefined },
    reason: string,
  ): Promise<string[]> {
    return this.#change((step) => {
      const gone = step.tables.attempts
        .leasesOf(who.agent)
        .filter(
          (lease) =>
            (who.incarnation === undefined || lease.incarnation === who.incarnation) &&
            !(who.except ?? []).some(({ task, attempt }) => task === taskId(lease.task) && attempt === lease.attempt),
        );
      for (const lease of gone) lose(step, lease, reason);
      return gone.map(({ task }) => taskId(task));
    });
  }

  /**
   * Puts the tasks that the agent holds back for it to go on with. The caller has ended the agent's processes. Returns
   * the tasks.
   */
  putBack(agent: string, how: PutBack): Promise<string[]> {
    return this.#change((step) => {
      const held = step.tables.attempts.leasesOf(agent);
      for (const lease of held) putBack(step, lease, how);
      if (held.length === 0) putBackResting(step, agent, how);
      return held.map(({ task }) => taskId(task));
    });
  }

  /** The task with which this agent, which holds none, will go on when it claims again; null: none. */
  resting(agent: string): Resting | null {
    return this.#tables.attempts.leasesOf(agent).length > 0 ? null : restingWith(this.#tables, agent);
  }

  /**
   * Passes the tasks that the agent holds on to another agent. The caller has ended the agent's processes. Returns the
   * tasks.
   */
  passOn(agent: string, to: string, reason: string): Promise<string[]> {
    return this.#change((step) => {
      const held = step.tables.attempts.leasesOf(agent);
      for (const lease of held) passOn(step, lease, to, reason);
      return held.map(({ task }) => taskId(task));
    });
  }

  /**
   * Counts the attempts that the agent holds as failed. The caller has ended the agent's processes. Returns the tasks.
   */
  failHeld(agent: string, error: string): Promise<string[]> {
    return this.#change((step) => {
      const held = step.tables.attempts.leasesOf(agent);
      for (const lease of held) failHeld(step, lease, error);
      return held.map(({ task }) => taskId(task));
    });
  }

  /** Keeps the tasks that are reserved for these agents, however long the agents rest. */
  keepReserved(agents: ReadonlySet<string>): Promise<void> {
    return this.#change((step) => keepReserved(step, agents));
  }

  /**
   * Stores the conversation of a running attempt, with which a later one can go on. False when the attempt is not
   * running.
   */
  async noteSession(task: string, attempt: number, sessionId: string): Promise<boolean> {
    const n = taskNumber(task) ?? 0;
    const known = this.#tables.attempts.get(n, attempt);
    if (known?.ended_at === null && known.session_id === sessionId) return true;
    return await this.#change((step) => step.tables.attempts.noteSession(n, attempt, sessionId));
  }

  /** Agents with a lease whose end a heartbeat now would move by at least this share of its length. */
  due(worth: number): Set<string> {
    return new Set(this.#tables.attempts.due(this.#clock.now(), worth));
  }

  /** Leases past their time. Time alone ends no lease: the caller proves the processes gone, then calls `lost`. */
  expired(now: number = this.#clock.now()): Lease[] {
    return this.#tables.attempts.expired(now).map(leaseDocument);
  }

  /** Leases of one agent, or of all. */
  leases(agent?: string): Lease[] {
    const { attempts } = this.#tables;
    return (agent === undefined ? attempts.leases() : attempts.leasesOf(agent)).map(leaseDocument);
  }

  /**
   * Moves the ends of all leases, after the supervisor was away for so long without heartbeats, or the clock was set by
   * so much. Returns how many.
   */
  moveLeases(byMs: number): Promise<number> {
    return this.#change((step) => step.tables.attempts.moveLeases(Math.round(byMs), step.now));
  }

  /** Makes due tasks ready; returns them. Claims do the same, so the caller only has to give out tickets for them. */
  tick(now: number = this.#clock.now()): Promise<string[]> {
    return this.#change((step) => {
      promoteDue(step);
      return [...step.changed].map(taskId);
    }, now);
  }

  /** When `tick` next has a task to make ready; null while none is planned. */
  nextDue(): number | null {
    return this.#tables.tasks.nextDue();
  }

  /** Cancels a task. Throws SwarmError `unknown-task`, or `task-state` when it is done. */
  cancel(id: string): Promise<Cancelled> {
    return this.#change((step) => cancelTask(step, this.#row(id)));
  }

  /**
   * Makes a dead or cancelled task ready again, with its retries renewed. Throws SwarmError `unknown-task`,
   * `task-state`.
   */
  retry(id: string): Promise<Task> {
    return this.#change((step) => retryTask(step, this.#row(id)));
  }

  /** Throws SwarmError `unknown-task`. */
  get(id: string): Task {
    return taskDocument(this.#tables, this.#row(id), this.#clock.now());
  }

  /** Undefined: there is no task of that id now. */
  find(id: string): Task | undefined {
    const row = this.#tables.tasks.get(taskNumber(id) ?? 0);
    return row === undefined ? undefined : taskDocument(this.#tables, row, this.#clock.now());
  }

  /** The tasks that match, newest first. */
  list(filter: TaskFilter = {}): Task[] {
    const before = filter.before === undefined ? undefined : this.#row(filter.before).n;
    const rows = this.#tables.tasks.list({ state: filter.state, before, limit: filter.limit ?? DEFAULT_LIMIT });
    return taskDocuments(this.#tables, rows, this.#clock.now());
  }

  counts(): Record<TaskState, number> {
    return this.#tables.tasks.counts();
  }

  readyCount(): number {
    return this.#tables.tasks.count('ready');
  }

  /** The lanes that have ready tasks, with their number, counted up to `limit` each. */
  readyLanes(limit: number): { lane: Lane; count: number }[] {
    const { tasks } = this.#tables;
    const texts = [...tasks.readyLanes('')];
    return texts.map((text) => ({ lane: decodeLane(text), count: tasks.readyInLane(text, limit) }));
  }

  /**
   * Number of tasks that this claimer could take now, counted up to `limit` a lane, and the time since when the first
   * one is ready.
   */
  backlog(claimer: Claimer, limit: number): { ready: number; oldestAt: number | null } {
    const { tasks } = this.#tables;
    const lanes = [...tasks.readyLanes(lanePrefix(claimer.kind))].filter((text) => mayTake(claimer, decodeLane(text)));
    const since = lanes.flatMap((lane) => tasks.get(tasks.bestOfLane(lane)?.n ?? 0)?.updated_at ?? []);
    return {
      ready: lanes.reduce((sum, lane) => sum + tasks.readyInLane(lane, limit), 0),
      oldestAt: since.length === 0 ? null : Math.min(...since),
    };
  }

  /** True when a claim by this agent would get a task now. */
  hasWorkFor(claimer: Claimer): boolean {
    return hasWork({ tables: this.#tables }, claimer);
  }

  /** The id for `t12`, `12`, `#12` or a key. Throws SwarmError `unknown-task`, which offers the nearest. */
  resolveTaskId(text: string): string {
    return taskId(this.#row(text).n);
  }

  /** Passes on the ids of the tasks that one transaction changed. Returns the function that ends it. */
  onChange(listener: (taskIds: string[]) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Passes on the events that the engine wrote to the store. Returns the function that ends it. */
  onEvents(listener: (events: StoredEvent[]) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  #submitRules(): SubmitRules {
    const { agents, verifyNames, maxOpenTasks = MAX_OPEN_TASKS } = this.#options;
    return { agents, verifyNames, maxOpen: maxOpenTasks };
  }

  #row(text: string): TaskRow {
    const row = this.#tables.tasks.get(resolveTask(this.#tables.tasks, text));
    if (row === undefined) throw new Error(`task ${text} is gone`);
    return row;
  }

  async #change<T>(fn: (step: Step) => T, now: number = this.#clock.now()): Promise<T> {
    const step = new Step(this.#tables, now, this.#options.random ?? Math.random);
    const value = await this.#store.write(() => {
      const done = fn(step);
      passFailuresOn(step);
      return done;
    });
    if (step.happened.length > 0) this.#tell(this.#eventListeners, step.happened);
    if (step.changed.size > 0) this.#tell(this.#changeListeners, [...step.changed].map(taskId));
    return value;
  }

  #tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}
