import { existsSync, readFileSync } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import type { TaskSpec, TaskState } from '../domain/task.ts';
import { sleep, systemClock } from '../lib/clock.ts';
import { isRunning } from '../lib/running.ts';
import { someoneListens } from '../lib/unix-socket.ts';
import { CheckpointClient } from './checkpoint-client.ts';
import type { Agent } from './agents/schemas.ts';
import type { AlertDocument } from './alerts/schemas.ts';
import type { CheckpointDocument } from './checkpoints/schemas.ts';
import type { EventDocument } from './events/schemas.ts';
import type { ExplainDocument, HistoryDocument } from './health/schemas.ts';
import type { MergeDocument, TaskAddedDocument } from './tasks/schemas.ts';
import type { MessageDocument } from './messages/schemas.ts';
import type { RemovedDocument, RollbackDocument, RollbackPlanDocument, UndoDocument } from './work/schemas.ts';
import type { StatusDocument } from './status/schemas.ts';
import type { Task } from '../domain/task-document.ts';
import type { UpDocument, UpRequest } from './swarm/schemas.ts';
import { streamEvents, type EventsOptions } from './event-reader.ts';
import { call, type ApiRequest } from './http.ts';
import type { AnswerRequest } from './agents/schemas.ts';
import type { RollbackRequest } from './work/schemas.ts';
import type { TaskDiffDocument } from './tasks/schemas.ts';

/** A task as a submitter writes it: only the title is needed. */
export type NewTask = Pick<TaskSpec, 'title'> & Partial<Omit<TaskSpec, 'title'>>;

export interface ClientOptions {
  /** Of one answer, ms (10 s; verbs that work on a worktree 2 min). */
  timeoutMs?: number | undefined;
  /** Ends whatever is under way. */
  signal?: AbortSignal | undefined;
  /**
   * A supervisor that died is started again by its wrappers within a second or two. While its pid file says that it
   * should be there, and somebody lives who would see to it, or while one holds the lock, calls wait so long for it, ms
   * (0: not at all).
   */
  patienceMs?: number | undefined;
  /** Whether a supervisor holds the project's lock: one that does and cannot be reached is `supervisor-unreachable`. */
  isLocked?: (() => Promise<boolean>) | undefined;
}

/** Where a supervisor is to be found. */
export type ApiPlace = Pick<ProjectLayout, 'name' | 'apiSocket' | 'supervisorPidFile' | 'tmuxSocket'>;

const PATIENCE_STEP_MS = 50;

const ANSWER_TIMEOUT_MS = 10_000;
/** `up`, checkpoints, rollbacks and merges work through a whole tree before they answer. */
const WORK_TIMEOUT_MS = 120_000;

/** The supervisor's API, one method per route. Errors are SwarmErrors; see `call` in http.ts for those of the way. */
export class SwarmClient {
  readonly #place: () => ApiPlace;
  readonly #options: ClientOptions;
  readonly checkpointing = new CheckpointClient({
    get: (path) => this.#get(path, WORK_TIMEOUT_MS),
    post: (path, body) => this.#post(path, body, WORK_TIMEOUT_MS),
  });

  constructor(place: () => ApiPlace, options: ClientOptions) {
    this.#place = place;
    this.#options = options;
  }

  status(): Promise<StatusDocument> {
    return this.#get('/v1/swarm');
  }

  /** Answers at once, with the agents still `starting`. */
  up(request: UpRequest): Promise<UpDocument> {
    return this.#post('/v1/swarm/up', request, WORK_TIMEOUT_MS);
  }

  /** Answers when the order is taken; the supervisor then ends everything and exits. */
  async down(request: { purge: boolean; force?: boolean }): Promise<void> {
    // What is not asked for is not mentioned: a supervisor of before an update must still be able to go.
    await this.#post('/v1/swarm/down', Object.fromEntries(Object.entries(request).filter(([, asked]) => asked)));
  }

  agents(): Promise<Agent[]> {
    return this.#get('/v1/agents');
  }

  agent(id: string): Promise<Agent> {
    return this.#get(`/v1/agents/${encodeURIComponent(id)}`);
  }

  setAgent(id: string, verb: 'start' | 'stop' | 'pause' | 'resume' | 'restart'): Promise<Agent> {
    return this.#post(`/v1/agents/${encodeURIComponent(id)}/${verb}`, {}, WORK_TIMEOUT_MS);
  }

  checkpoint(agent: string, reason?: string): Promise<CheckpointDocument> {
    const body = reason === undefined ? {} : { reason };
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/checkpoint`, body, WORK_TIMEOUT_MS);
  }

  checkpoints(agent: string): Promise<CheckpointDocument[]> {
    return this.#get(`/v1/checkpoints/${encodeURIComponent(agent)}`);
  }

  /** The agent is stopped for it, and goes on afterwards unless it is held. */
  rollback(agent: string, n: number, options: Partial<Omit<RollbackRequest, 'n'>> = {}): Promise<RollbackDocument> {
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/rollback`, { n, ...options }, WORK_TIMEOUT_MS);
  }

  rollbackPlan(agent: string, n: number, options: { filesOnly?: boolean } = {}): Promise<RollbackPlanDocument> {
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/rollback-plan`, { n, ...options }, WORK_TIMEOUT_MS);
  }

  undo(agent: string): Promise<UndoDocument> {
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/undo`, {}, WORK_TIMEOUT_MS);
  }

  message(id: string): Promise<MessageDocument> {
    return this.#get(`/v1/messages/${encodeURIComponent(id)}`);
  }

  alerts(): Promise<AlertDocument[]> {
    return this.#get('/v1/alerts');
  }

  history(agent: string): Promise<HistoryDocument> {
    return this.#get(`/v1/agents/${encodeURIComponent(agent)}/history`);
  }

  explain(agent: string): Promise<ExplainDocument> {
    return this.#get(`/v1/agents/${encodeURIComponent(agent)}/explain`);
  }

  /** Fails with `worktree-kept` where work would be lost; with `force` it is moved to a checkpoint first. */
  remove(agent: string, force: boolean): Promise<RemovedDocument> {
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/remove`, { force }, WORK_TIMEOUT_MS);
  }

  send(agent: string, text: string): Promise<{ id: string; receipt: string }> {
    return this.#post(`/v1/agents/${encodeURIComponent(agent)}/messages`, { text });
  }

  async answer(agent: string, answer: AnswerRequest): Promise<void> {
    await this.#post(`/v1/agents/${encodeURIComponent(agent)}/answer`, answer);
  }

  addTask(task: NewTask): Promise<TaskAddedDocument> {
    return this.#post('/v1/tasks', task);
  }

  /** All of them or none. */
  async addTasks(tasks: readonly NewTask[]): Promise<TaskAddedDocument[]> {
    const answer = await this.#post<{ tasks: TaskAddedDocument[] }>('/v1/tasks', { tasks }, WORK_TIMEOUT_MS);
    return answer.tasks;
  }

  tasks(filter: { state?: TaskState | undefined; limit?: number | undefined } = {}): Promise<Task[]> {
    const query = new URLSearchParams();
    if (filter.state !== undefined) query.set('state', filter.state);
    if (filter.limit !== undefined) query.set('limit', String(filter.limit));
    return this.#get(`/v1/tasks${query.size === 0 ? '' : `?${query.toString()}`}`);
  }

  task(id: string): Promise<Task> {
    return this.#get(`/v1/tasks/${encodeURIComponent(id)}`);
  }

  cancelTask(id: string): Promise<Task> {
    return this.#post(`/v1/tasks/${encodeURIComponent(id)}/cancel`, {});
  }

  retryTask(id: string): Promise<Task> {
    return this.#post(`/v1/tasks/${encodeURIComponent(id)}/retry`, {});
  }

  merge(task: string, into?: string): Promise<MergeDocument> {
    const body = into === undefined ? {} : { into };
    return this.#post(`/v1/tasks/${encodeURIComponent(task)}/merge`, body, WORK_TIMEOUT_MS);
  }

  diff(task: string): Promise<TaskDiffDocument> {
    return this.#get(`/v1/tasks/${encodeURIComponent(task)}/diff`, WORK_TIMEOUT_MS);
  }

  async health(): Promise<{ ok: boolean; degraded: string[] }> {
    const limits = this.#limits(ANSWER_TIMEOUT_MS);
    const answer = await call(this.#place().apiSocket, { method: 'GET', path: '/health', accept: 503, ...limits });
    return answer as { ok: boolean; degraded: string[] };
  }

  /** In the text format of Prometheus. */
  async metrics(): Promise<string> {
    const limits = this.#limits(ANSWER_TIMEOUT_MS);
    return (await call(this.#place().apiSocket, { method: 'GET', path: '/metrics', text: true, ...limits })) as string;
  }

  openapi(): Promise<Record<string, unknown>> {
    return this.#get('/openapi.json');
  }

  /** A page of what happened, oldest first: at most 1,000 events with a greater id; fewer than `limit` are the last. */
  eventsAfter(id: number, limit: number): Promise<EventDocument[]> {
    return this.#get(`/v1/events?after=${id}&limit=${limit}`);
  }

  /** Events as they come; see `streamEvents`. */
  events(options: EventsOptions = {}): AsyncGenerator<EventDocument> {
    const signals = [options.signal, this.#options.signal].filter((signal) => signal !== undefined);
    return streamEvents(this.#place().apiSocket, {
      ...options,
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    });
  }

  async #get<T>(path: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
    return (await this.#call({ method: 'GET', path, ...this.#limits(timeoutMs) })) as T;
  }

  async #post<T>(path: string, body: unknown, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
    return (await this.#call({ method: 'POST', path, body, ...this.#limits(timeoutMs) })) as T;
  }

  /** Says the same again only where saying it twice is as good as once. */
  async #call(request: ApiRequest): Promise<unknown> {
    const deadline = performance.now() + (this.#options.patienceMs ?? 0);
    for (;;) {
      try {
        return await call(this.#place().apiSocket, request);
      } catch (error) {
        const away = error instanceof SwarmError && AWAY.has(error.code) && error.retrySafe;
        if (!away) throw error;
        if (performance.now() > deadline || !(await this.#mayComeBack())) throw await this.#said(error);
        await sleep(systemClock, PATIENCE_STEP_MS, this.#options.signal);
      }
    }
  }

  /** By its wrappers, which live as long as their tmux server; or it lives itself, and only begins. */
  async #mayComeBack(): Promise<boolean> {
    const { supervisorPidFile, tmuxSocket } = this.#place();
    if (existsSync(supervisorPidFile) && ((await someoneListens(tmuxSocket)) || writerLives(supervisorPidFile)))
      return true;
    return await this.#isLocked();
  }

  async #isLocked(): Promise<boolean> {
    return (await this.#options.isLocked?.()) ?? false;
  }

  /** That nothing is up is said only where it is so. */
  async #said(error: SwarmError): Promise<SwarmError> {
    if (error.code !== 'supervisor-down' || !(await this.#isLocked())) return error;
    return unreachable(this.#place(), error);
  }

  #limits(timeoutMs: number): { timeoutMs: number; signal: AbortSignal | undefined } {
    return { timeoutMs: this.#options.timeoutMs ?? timeoutMs, signal: this.#options.signal };
  }
}

function writerLives(pidFile: string): boolean {
  try {
    const { pid } = JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number };
    return isRunning(pid);
  } catch {
    // Removed or replaced this moment.
    return false;
  }
}

const AWAY = new Set(['supervisor-down', 'connection-lost']);

/** A supervisor holds the lock, and nobody answers where it should be. */
export function unreachable({ name, apiSocket }: Pick<ApiPlace, 'name' | 'apiSocket'>, cause?: unknown): SwarmError {
  return new SwarmError(
    'supervisor-unreachable',
    `the supervisor of ${name} is there, but does not answer at ${apiSocket}`,
    {
      hint: 'It may be coming up or going down: try again. If it stays so, run this in the shell where `swarm up` was run, or see `swarm doctor`.',
      cause,
      retrySafe: true,
    },
  );
}

/**
 * Nothing is dialled before the first method is called; each call is a connection of its own.
 * @param place a function is asked at each call
 */
export function connect(place: ApiPlace | (() => ApiPlace), options: ClientOptions = {}): SwarmClient {
  return new SwarmClient(typeof place === 'function' ? place : () => place, options);
}
