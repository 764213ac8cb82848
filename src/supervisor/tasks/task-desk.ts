import type {
  GroupAddedDocument,
  MergeDocument,
  SubmittedGroupBody,
  SubmittedTask,
  TaskAddedDocument,
  TaskDiffDocument,
  TasksService,
} from '../../api/tasks/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { TaskSpec, TaskState } from '../../domain/task.ts';
import type { Task } from '../../domain/task-document.ts';
import type { EventLog } from '../project/event-log.ts';

/** The part of the task engine that people's requests need. */
export interface TaskPort {
  submit(specs: TaskSpec[]): Promise<TaskAddedDocument[]>;
  submitGroup(group: {
    name: string;
    key?: string | undefined;
    tasks: (readonly [name: string, spec: TaskSpec])[];
  }): Promise<GroupAddedDocument>;
  list(filter: { state?: TaskState | undefined; limit?: number | undefined }): Task[];
  get(id: string): Task;
  cancel(id: string): Promise<{ task: Task; lease: { agent: string; attempt: number } | null }>;
  retry(id: string): Promise<Task>;
}

export interface AvailableAgent {
  id: string;
  kind: 'claude' | 'shell';
  capabilities: readonly string[];
  /** Why it takes no task now; null: it takes one as soon as it is free. Absent: not asked. */
  keptBy?: string | null;
}

export interface TaskDeskDeps {
  engine: TaskPort;
  /** Further attempts of a failed task that names no number. */
  defaultRetries: number;
  /** Agents that are wanted up. */
  agents(): AvailableAgent[];
  /** Why no task can be handed out now; null: the broker is up. */
  broker(): string | null;
  events: EventLog;
  /** Orders the wrapper that holds it to stop. */
  cancelAttempt(agent: string, task: string, attempt: number): Promise<void>;
  base(): { branch: string | null; commit: string };
  mergeBase(a: string, b: string): Promise<string>;
  diff(base: string, commit: string): Promise<{ stat: string; patch: string }>;
  /** Called before a merge. */
  merging(task: Task, into: string): Promise<void>;
  /** Called after a merge. */
  merged(task: Task, merge: Omit<MergeDocument, 'task'>): Promise<void>;
  merge(options: { task: string; into: string; commit: string; message: string }): Promise<Omit<MergeDocument, 'task'>>;
}

type Named = { id: string };

/** People's requests about tasks: submit, look, cancel, retry, compare, merge. */
export class TaskDesk implements TasksService {
  readonly #deps: TaskDeskDeps;

  constructor(deps: TaskDeskDeps) {
    this.#deps = deps;
  }

  async add(
    input: SubmittedTask | { tasks: SubmittedTask[] },
  ): Promise<TaskAddedDocument | { tasks: TaskAddedDocument[] }> {
    if ('tasks' in input) return { tasks: await this.#submit(input.tasks) };
    const [added] = await this.#submit([input]);
    if (added === undefined) throw new Error('a task was added without an answer');
    return added;
  }

  run({ name, key, tasks }: SubmittedGroupBody): Promise<GroupAddedDocument> {
    const named = tasks.map(({ name: each, ...task }): [string, TaskSpec] => [each, this.#specOf(task)]);
    return this.#deps.engine.submitGroup({ name, key, tasks: named });
  }

  #submit(tasks: readonly SubmittedTask[]): Promise<TaskAddedDocument[]> {
    return this.#deps.engine.submit(tasks.map((task) => this.#specOf(task)));
  }

  #specOf(task: SubmittedTask): TaskSpec {
    return { ...task, retries: task.retries ?? this.#deps.defaultRetries };
  }

  async list(filter: { state?: TaskState | undefined; limit?: number | undefined }): Promise<Task[]> {
    const { engine, agents, broker } = this.#deps;
    const [up, without] = [agents(), broker()];
    return engine.list(filter).map((task) => explained(task, up, without));
  }

  async show({ id }: Named): Promise<Task> {
    return this.#explained(this.#deps.engine.get(id));
  }

  async cancel({ id }: Named): Promise<Task> {
    const { task, lease } = await this.#deps.engine.cancel(id);
    if (lease !== null) void this.#deps.cancelAttempt(lease.agent, task.id, lease.attempt);
    return task;
  }

  async retry({ id }: Named): Promise<Task> {
    return this.#explained(await this.#deps.engine.retry(id));
  }

  #explained(task: Task): Task {
    const { agents, broker } = this.#deps;
    return explained(task, agents(), broker());
  }

  async diff({ id }: Named): Promise<TaskDiffDocument> {
    const { task, commit } = this.#resultOf(id);
    const { branch, commit: fixed } = this.#deps.base();
    const base = await this.#deps.mergeBase(branch === null ? fixed : `refs/heads/${branch}`, commit);
    const notes = task.result?.notes ?? [];
    return { task: task.id, base, commit, ...(await this.#deps.diff(base, commit)), notes };
  }

  async merge({ id, into }: Named & { into?: string | undefined }): Promise<MergeDocument> {
    const { task, commit } = this.#resultOf(id);
    if (task.state !== 'done') {
      throw new SwarmError('not-done', `${task.id} is ${task.state}, only a done task is merged`, {
        hint: `Wait for it: \`swarm task wait ${task.id}\`.`,
      });
    }
    const target = into ?? this.#deps.base().branch;
    if (target === null) {
      throw new SwarmError('no-branch', 'swarm was started on a detached HEAD, so there is no branch to merge into', {
        hint: `Name one: \`swarm merge ${task.id} --into BRANCH\`.`,
        exitCode: 2,
      });
    }
    const message = `Merge ${task.id}: ${task.title}`;
    await this.#deps.merging(task, target);
    const merged = await this.#deps.merge({ task: task.id, into: target, commit, message });
    await this.#deps.merged(task, merged);
    this.#deps.events.emit('task.merged', { task: task.id, data: { into: target, merged: merged.merged } });
    return { task: task.id, ...merged, notes: [...(task.result?.notes ?? []), ...merged.notes] };
  }

  #resultOf(id: string): { task: Task; commit: string } {
    const task = this.#deps.engine.get(id);
    const commit = task.result?.commit ?? null;
    if (commit === null) {
      throw new SwarmError('no-result', `${task.id} has no commit to show (it is ${task.state})`, {
        hint: `See how it stands: \`swarm task show ${task.id}\`.`,
      });
    }
    return { task, commit };
  }
}

/** A ready task says why it is not taken, instead of waiting in silence. Pure. */
export function explained(task: Task, agents: readonly AvailableAgent[], broker: string | null): Task {
  const why = task.state === 'ready' ? whyNotTaken(task, agents, broker) : null;
  if (why === null) return task;
  return { ...task, reason: task.reason === null ? why : `${task.reason}; ${why}` };
}

function whyNotTaken(task: Task, agents: readonly AvailableAgent[], broker: string | null): string | null {
  const ofKind = agents.filter((agent) => agent.kind === task.kind);
  if (ofKind.length === 0) {
    const cure = task.kind === 'shell' ? '; swarm.yaml: agents: {runner: {kind: shell}}' : '';
    return `no agent of kind ${task.kind} is up${cure}`;
  }
  const named = ofKind.filter(({ id }) => task.agent === null || task.agent === id);
  if (named.length === 0) return `${task.agent} is not up`;
  const able = named.filter(({ capabilities }) => task.needs.every((need) => capabilities.includes(need)));
  if (able.length === 0) return `no agent that is up has ${task.needs.join(' and ')}`;
  if (broker !== null) return broker;
  const [first, ...others] = able;
  if (first === undefined || able.some(({ keptBy = null }) => keptBy === null)) return null;
  const and =
    others.length === 0
      ? ''
      : `, and ${others.length} more that could take it wait${others.length === 1 ? 's' : ''} too`;
  return `${first.id} is ${first.keptBy}${and}`;
}
