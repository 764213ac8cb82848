import type { EventDocument } from '../api/events/schemas.ts';
import type { StatusClient, StatusDocument } from '../api/status/schemas.ts';
import type { TasksClient } from '../api/tasks/schemas.ts';
import { errorText } from '../domain/errors.ts';
import { pause, systemClock } from '../lib/clock.ts';
import { NOTHING, type Model } from './model.ts';

/** The source of a model: the client of the API is one. */
export interface Source {
  status: Pick<StatusClient, 'show'>;
  tasks: Pick<TasksClient, 'list'>;
  events(options: {
    signal: AbortSignal;
    lastEventId?: number | undefined;
    onOpen: () => void;
  }): AsyncIterable<EventDocument>;
}

export interface FeedOptions {
  source: Source;
  /** The status that is known already. */
  first?: StatusDocument | undefined;
  /** How many past events are wanted. Default: none. */
  pastEvents?: number;
  /** Shortest time between two looks, ms: the model changes no more often. */
  intervalMs?: number;
  /** Time between two looks while no event comes, ms. */
  idleMs?: number;
}

/** Two a second: what a person can read, and what a screen of fifty busy agents may cost. */
const INTERVAL_MS = 500;
/** Some facts change without an event. */
const IDLE_MS = 2000;
/** Events of one moment come in one bunch; a look right after the first would miss the effect of the others. */
const SETTLE_MS = 20;
const RECONNECT_MS = 1000;
const KEPT_EVENTS = 200;
const SHOWN_TASKS = 200;

/** Fields that change by themselves and are not shown: they must not cause a frame. */
const UNSEEN = new Set(['cpuPercent', 'rssBytes', 'lastActivityAt', 'queues']);

/**
 * Looks at the supervisor again and again, at once when an event comes, until `signal` is aborted; it goes on while the
 * supervisor is away.
 */
export class Feed {
  readonly #source: Source;
  readonly #intervalMs: number;
  readonly #idleMs: number;
  readonly #listeners = new Set<() => void>();
  #model: Model;
  #fresh: EventDocument[] = [];
  #lastEventId: number | undefined;
  #wake: (() => void) | null = null;
  #woken = false;
  #seen = '';
  #taskCounts = '';
  #tasksMoved = true;

  constructor({ source, first, pastEvents = 0, intervalMs = INTERVAL_MS, idleMs = IDLE_MS }: FeedOptions) {
    this.#source = source;
    this.#intervalMs = intervalMs;
    this.#idleMs = idleMs;
    this.#lastEventId = pastEvents === 0 ? undefined : -pastEvents;
    this.#model = first === undefined ? NOTHING : { ...NOTHING, status: first };
  }

  get model(): Model {
    return this.#model;
  }

  /** @returns the function that ends the subscription */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks now, or as soon as the interval allows: after an order, its effect should show soon. */
  look(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#poll(signal), this.#listen(signal)]);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#woken = false;
      const beganAt = performance.now();
      await this.#lookOnce();
      if (!this.#woken) await this.#rest(this.#idleMs, signal, true);
      const left = Math.max(SETTLE_MS, this.#intervalMs - (performance.now() - beganAt));
      await this.#rest(left, signal, false);
    }
  }

  async #lookOnce(): Promise<void> {
    try {
      const status = await this.#source.status.show();
      const counts = JSON.stringify(status.tasks);
      const moved = this.#tasksMoved || counts !== this.#taskCounts;
      // Before the answer: an event that comes meanwhile may tell of what is not in it.
      this.#tasksMoved = false;
      const tasks = moved ? await this.#source.tasks.list({ limit: SHOWN_TASKS }) : null;
      this.#taskCounts = counts;
      const seen = JSON.stringify(status, (key, value: unknown) => (UNSEEN.has(key) ? undefined : value));
      const news = tasks !== null || seen !== this.#seen || this.#model.away !== null;
      this.#seen = seen;
      this.#publish(news ? { status, tasks: tasks ?? this.#model.tasks, away: null } : null);
    } catch (error) {
      // Any error is shown, and the next look may succeed.
      this.#tasksMoved = true;
      const away = errorText(error);
      this.#publish(away === this.#model.away ? null : { away });
    }
  }

  #publish(change: Partial<Model> | null): void {
    if (change === null && this.#fresh.length === 0) return;
    const events =
      this.#fresh.length === 0
        ? this.#model.events
        : [...this.#fresh.toReversed(), ...this.#model.events].slice(0, KEPT_EVENTS);
    this.#fresh = [];
    this.#model = { ...this.#model, ...change, events };
    for (const listener of this.#listeners) listener();
  }

  async #listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const lastEventId = this.#lastEventId;
        const onOpen = (): void => this.look();
        for await (const event of this.#source.events({
          signal,
          onOpen,
          ...(lastEventId === undefined ? {} : { lastEventId }),
        }))
          this.#take(event);
      } catch {
        // The next look meets the same trouble, and shows it.
        this.look();
      }
      await pause(systemClock, RECONNECT_MS, signal);
    }
  }

  #take(event: EventDocument): void {
    this.#lastEventId = event.id;
    this.#fresh.push(event);
    if (this.#fresh.length > KEPT_EVENTS) this.#fresh.shift();
    if (event.task !== null) this.#tasksMoved = true;
    if (!this.#woken) this.look();
  }

  /** Waits so long, or until it is woken. */
  async #rest(ms: number, signal: AbortSignal, wakeable: boolean): Promise<void> {
    const woken = new AbortController();
    if (wakeable) this.#wake = () => woken.abort();
    await pause(systemClock, ms, AbortSignal.any([signal, woken.signal]));
    this.#wake = null;
  }
}
