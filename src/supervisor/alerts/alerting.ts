import type { Logger } from 'pino';
import type { AlertDocument, AlertsService } from '../../api/alerts/schemas.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { AlertBook, conditionsOf, type AlertChange, type Observed, type OpenAlert } from '../../health/index.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import type { AlertSink } from './alert-sinks.ts';
import type { EventLog } from '../project/event-log.ts';

export interface AlertingDeps {
  log: Logger;
  events: EventLog;
  now(): number;
  observe(): Observed;
  /** Sinks by name. A sink that fails is logged, and does not keep the others from the alert. */
  sinks: ReadonlyMap<string, AlertSink>;
  /** Called with the number of open alerts, for the status line of every pane. */
  onOpen(count: number): void;
  /** The open alerts, over restarts of the supervisor: a sink that heard of a trouble hears of its end, once. */
  memory: {
    read(): readonly OpenAlert[];
    write(open: readonly OpenAlert[]): Promise<void>;
  };
}

/** Most alerts that wait for one sink; the oldest are dropped beyond it. */
const LONGEST_QUEUE = 100;

/** How long sinks may take for the last alerts when everything goes down, ms. */
const LAST_WORDS_MS = 2_000;

/** Raises alerts for conditions, recovers them when the conditions are over, and passes both on to the sinks. */
export class Alerting implements AlertsService {
  readonly #deps: AlertingDeps;
  readonly #book: AlertBook;
  readonly #abort = new AbortController();
  readonly #queues = new Map<string, { waiting: AlertDocument[]; running: Promise<void> | null }>();

  /** Sinks that did not get the last alert that they want, and why. */
  readonly #untold = new Map<string, string>();
  #shown: number | null = null;
  #written: Promise<void> = Promise.resolve();

  constructor(deps: AlertingDeps) {
    this.#deps = deps;
    this.#book = new AlertBook(deps.memory.read(), deps.now());
    for (const name of deps.sinks.keys()) this.#queues.set(name, { waiting: [], running: null });
  }

  /** The open alerts. */
  async list(): Promise<AlertDocument[]> {
    return this.#book.open.map((alert) => document({ ...alert, state: 'raised', at: alert.since }));
  }

  /** Each with its cure. */
  get untold(): string[] {
    return [...this.#untold].map(([name, why]) => `${name}: ${why}`);
  }

  /** Once a second. */
  tick(): void {
    const { now, observe, events, onOpen } = this.#deps;
    const observed = observe();
    const conditions = conditionsOf(observed, now(), this.#book.keys);
    const changes = this.#book.update(conditions, now(), observed.goingDown);
    const { open } = this.#book;
    if (open.length !== this.#shown) onOpen(open.length);
    this.#shown = open.length;
    for (const change of changes) {
      const alert = document(change);
      events.emit(`alert.${alert.state}`, { agent: alert.agent, data: { ...alert } });
      for (const name of this.#deps.sinks.keys()) this.#tell(name, alert);
    }
  }

  /** Stores only alerts that every sink got: after a kill in the middle a sink gets one twice rather than never. */
  #remember(): void {
    const { memory, log } = this.#deps;
    if (this.#abort.signal.aborted || this.#running.length > 0) return;
    this.#written = memory
      .write(this.#book.open)
      .catch((error: unknown) => log.warn({ err: error }, 'open alerts could not be kept'));
  }

  get #running(): Promise<void>[] {
    return [...this.#queues.values()].flatMap(({ running }) => (running === null ? [] : [running]));
  }

  /** Passes alerts on to a sink one after the other, in order; no caller waits for it. */
  #tell(name: string, alert: AlertDocument): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    queue.waiting.push(alert);
    if (queue.waiting.length > LONGEST_QUEUE) queue.waiting.shift();
    queue.running ??= this.#drain(name, queue.waiting).finally(() => {
      queue.running = null;
      this.#remember();
    });
  }

  async #drain(name: string, waiting: AlertDocument[]): Promise<void> {
    const sink = this.#deps.sinks.get(name);
    for (let alert = waiting.shift(); alert !== undefined && sink !== undefined; alert = waiting.shift()) {
      try {
        const told = await sink(alert, this.#abort.signal);
        if (told !== 'unasked') this.#untold.delete(name);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        const hint = error instanceof SwarmError && error.hint !== undefined ? `. ${error.hint}` : '';
        this.#untold.set(name, `an alert did not get through, ${errorText(error)}${hint}`);
        this.#deps.log.warn({ err: error, sink: name, key: alert.key }, 'an alert did not get through');
      }
    }
  }

  /** Ends: alerts under way are broken off; those that end with everything else are passed on before that. */
  async close(): Promise<void> {
    if (this.#deps.observe().goingDown === true) {
      this.tick();
      await settledWithin(LAST_WORDS_MS, this.#running);
    }
    this.#abort.abort();
    await Promise.all([...this.#running, this.#written]);
  }
}

async function settledWithin(ms: number, running: readonly Promise<void>[]): Promise<void> {
  if (running.length === 0) return;
  const late = new AbortController();
  const limit = sleep(systemClock, ms, late.signal).catch(() => undefined);
  await Promise.race([Promise.allSettled(running), limit]).finally(() => late.abort());
}

function document({ key, severity, agent, text, state, since, at }: AlertChange): AlertDocument {
  const [sinceIso, atIso] = [new Date(since).toISOString(), new Date(at).toISOString()];
  return { key, severity, state, agent, text, since: sinceIso, at: atIso };
}
