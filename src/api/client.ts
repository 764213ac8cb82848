import { existsSync, readFileSync } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { sleep, systemClock } from '../lib/clock.ts';
import { isRunning } from '../lib/running.ts';
import { someoneListens } from '../lib/unix-socket.ts';
import type { AgentsClient } from './agents/schemas.ts';
import type { AlertsClient } from './alerts/schemas.ts';
import type { CheckpointsClient } from './checkpoints/schemas.ts';
import type { Route, Routes } from './contract/route.ts';
import { streamEvents, type EventsOptions } from './event-reader.ts';
import type { EventDocument } from './events/schemas.ts';
import { call, type ApiRequest } from './http.ts';
import type { MessagesClient } from './messages/schemas.ts';
import { routes } from './routes.ts';
import type { HealthDocument, StatusClient } from './status/schemas.ts';
import type { UpDownClient } from './swarm/schemas.ts';
import type { TasksClient } from './tasks/schemas.ts';
import type { WorkClient } from './reversible-work/schemas.ts';

export interface ClientOptions {
  /** Longest wait for one answer, ms (10 s; verbs that work on a worktree 2 min). */
  timeoutMs?: number | undefined;
  /** Aborting ends all calls under way. */
  signal?: AbortSignal | undefined;
  /**
   * How long calls wait for a supervisor that died, ms (0: not at all). Its wrappers start it again within a second or
   * two. They wait only while its pid file exists and a process lives that would start it, or while a supervisor holds
   * the lock.
   */
  patienceMs?: number | undefined;
  /** Whether a supervisor holds the project's lock: one that does and cannot be reached is `supervisor-unreachable`. */
  isLocked?: (() => Promise<boolean>) | undefined;
}

/** The paths by which a supervisor is found. */
export type ApiPlace = Pick<ProjectLayout, 'name' | 'apiSocket' | 'supervisorPidFile' | 'tmuxSocket'>;

const PATIENCE_STEP_MS = 50;

const ANSWER_TIMEOUT_MS = 10_000;
/** `up`, checkpoints, rollbacks and merges work through a whole tree before they answer. */
const WORK_TIMEOUT_MS = 120_000;

/**
 * The supervisor's API, one method per route. Errors are SwarmErrors; `call` in http.ts names those of the connection.
 */
export class SwarmClient {
  readonly #place: () => Promise<ApiPlace>;
  readonly #options: ClientOptions;
  readonly agents: AgentsClient = this.#noun('agents');
  readonly alerts: AlertsClient = this.#noun('alerts');
  readonly checkpoints: CheckpointsClient = this.#noun('checkpoints');
  readonly messages: MessagesClient = this.#noun('messages');
  readonly status: StatusClient = this.#noun('status');
  readonly swarm: UpDownClient = this.#noun('swarm');
  readonly tasks: TasksClient = this.#noun('tasks');
  readonly work: WorkClient = this.#noun('work');

  constructor(place: () => Promise<ApiPlace>, options: ClientOptions) {
    this.#place = place;
    this.#options = options;
  }

  async health(): Promise<HealthDocument> {
    const limits = this.#limits(ANSWER_TIMEOUT_MS);
    const answer = await call(await this.#socket(), { method: 'GET', path: '/health', accept: 503, ...limits });
    return answer as HealthDocument;
  }

  /** The metrics, in the text format of Prometheus. */
  async metrics(): Promise<string> {
    const limits = this.#limits(ANSWER_TIMEOUT_MS);
    return (await call(await this.#socket(), { method: 'GET', path: '/metrics', text: true, ...limits })) as string;
  }

  openapi(): Promise<Record<string, unknown>> {
    return this.#get('/openapi.json');
  }

  /** A page of events, oldest first: at most 1,000 with a greater id; a page of fewer than `limit` is the last. */
  eventsAfter(id: number, limit: number): Promise<EventDocument[]> {
    return this.#get(`/v1/events?after=${id}&limit=${limit}`);
  }

  /** Events as they come; see `streamEvents`. */
  async *events(options: EventsOptions = {}): AsyncGenerator<EventDocument> {
    const signals = [options.signal, this.#options.signal].filter((signal) => signal !== undefined);
    yield* streamEvents(await this.#socket(), {
      ...options,
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    });
  }

  /** A method for each of its routes. */
  #noun<Noun extends keyof typeof routes>(noun: Noun): SwarmClient[Noun] {
    const table: Routes = routes[noun];
    const methods = Object.entries(table).map(([name, route]) => [name, (input = {}) => this.#ask(route, input)]);
    return Object.fromEntries(methods) as SwarmClient[Noun];
  }

  #ask(route: Route, input: Readonly<Record<string, unknown>>): Promise<unknown> {
    const limits = this.#limits(route.slow ? WORK_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
    return this.#call({ method: route.method, ...addressed(route, input), ...limits });
  }

  async #get<T>(path: string): Promise<T> {
    return (await this.#call({ method: 'GET', path, ...this.#limits(ANSWER_TIMEOUT_MS) })) as T;
  }

  /** Sends a request. It is repeated only where a second one does no harm. */
  async #call(request: ApiRequest): Promise<unknown> {
    const deadline = performance.now() + (this.#options.patienceMs ?? 0);
    for (;;) {
      try {
        return await call(await this.#socket(), request);
      } catch (error) {
        const away = error instanceof SwarmError && AWAY.has(error.code) && error.retrySafe;
        if (!away) throw error;
        if (performance.now() > deadline || !(await this.#mayComeBack())) throw await this.#said(error);
        await sleep(systemClock, PATIENCE_STEP_MS, this.#options.signal);
      }
    }
  }

  /**
   * Whether a supervisor may come back: wrappers live, as long as their tmux server does, or a supervisor has just
   * begun.
   */
  async #mayComeBack(): Promise<boolean> {
    const { supervisorPidFile, tmuxSocket } = await this.#place();
    if (existsSync(supervisorPidFile) && ((await someoneListens(tmuxSocket)) || writerLives(supervisorPidFile)))
      return true;
    return await this.#isLocked();
  }

  async #isLocked(): Promise<boolean> {
    return (await this.#options.isLocked?.()) ?? false;
  }

  /** The error, unless it says `supervisor-down` while a supervisor holds the lock: then `supervisor-unreachable`. */
  async #said(error: SwarmError): Promise<SwarmError> {
    if (error.code !== 'supervisor-down' || !(await this.#isLocked())) return error;
    return unreachable(await this.#place(), error);
  }

  async #socket(): Promise<string> {
    return (await this.#place()).apiSocket;
  }

  #limits(timeoutMs: number): { timeoutMs: number; signal: AbortSignal | undefined } {
    return { timeoutMs: this.#options.timeoutMs ?? timeoutMs, signal: this.#options.signal };
  }
}

/**
 * The route's path with the input's names in it; the rest of the input is the query of a GET, or the body of a POST.
 */
function addressed(
  { method, path: pattern }: Route,
  input: Readonly<Record<string, unknown>>,
): Pick<ApiRequest, 'path' | 'body'> {
  const rest = { ...input };
  const path = pattern.replaceAll(/:(\w+)/g, (_all, name: string) => {
    const value = encodeURIComponent(String(input[name]));
    delete rest[name];
    return value;
  });
  if (method === 'POST') return { path, body: rest };
  const query = new URLSearchParams();
  const said = rest as Readonly<Record<string, string | number | undefined>>;
  for (const [name, value] of Object.entries(said)) if (value !== undefined) query.set(name, String(value));
  return { path: query.size === 0 ? path : `${path}?${query.toString()}` };
}

function writerLives(pidFile: string): boolean {
  try {
    const { pid } = JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number };
    return isRunning(pid);
  } catch {
    // Removed or replaced at this moment.
    return false;
  }
}

const AWAY = new Set(['supervisor-down', 'connection-lost']);

/** The error for a supervisor that holds the lock and does not answer at its socket. */
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
 * A client. No connection is made before the first method is called; each call has a connection of its own.
 * @param place a function is called at each call
 */
export function connect(place: ApiPlace | (() => Promise<ApiPlace>), options: ClientOptions = {}): SwarmClient {
  return new SwarmClient(typeof place === 'function' ? place : () => Promise.resolve(place), options);
}
