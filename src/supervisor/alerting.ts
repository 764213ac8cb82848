import type { Logger } from 'pino';
import type { AlertDocument } from '../api/documents.ts';
import { AlertBook, conditionsOf, type AlertChange, type Observed } from '../health/index.ts';
import type { AlertSink } from './alert-sinks.ts';
import type { EventLog } from './event-log.ts';

export interface AlertingOptions {
  log: Logger;
  events: EventLog;
  now(): number;
  observe(): Observed;
  /** By name; a sink that fails is logged, and never keeps another one from being told. */
  sinks: ReadonlyMap<string, AlertSink>;
  /** How many alerts are open, for the status line of every pane. */
  onOpen(count: number): void;
}

/** Alerts that wait for one sink; the oldest are dropped beyond it. */
const LONGEST_QUEUE = 100;

/** Raises alerts for what is wrong, takes them back when it is right again, and tells both to whom it may concern. */
export class Alerting {
  readonly #options: AlertingOptions;
  readonly #book = new AlertBook();
  readonly #abort = new AbortController();
  readonly #queues = new Map<string, { waiting: AlertDocument[]; running: Promise<void> | null }>();

  constructor(options: AlertingOptions) {
    this.#options = options;
    for (const name of options.sinks.keys()) this.#queues.set(name, { waiting: [], running: null });
  }

  get open(): AlertDocument[] {
    return this.#book.open.map((alert) => document({ ...alert, state: 'raised', at: alert.since }));
  }

  /** Once a second. */
  tick(): void {
    const { now, observe, events, onOpen } = this.#options;
    const changes = this.#book.update(conditionsOf(observe(), now()), now());
    if (changes.length === 0) return;
    onOpen(this.#book.open.length);
    for (const change of changes) {
      const alert = document(change);
      events.emit(`alert.${alert.state}`, { agent: alert.agent, data: { ...alert } });
      for (const name of this.#options.sinks.keys()) this.#tell(name, alert);
    }
  }

  /** One after the other, in order; nobody waits for it. */
  #tell(name: string, alert: AlertDocument): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    queue.waiting.push(alert);
    if (queue.waiting.length > LONGEST_QUEUE) queue.waiting.shift();
    queue.running ??= this.#drain(name, queue.waiting).finally(() => {
      queue.running = null;
    });
  }

  async #drain(name: string, waiting: AlertDocument[]): Promise<void> {
    const sink = this.#options.sinks.get(name);
    for (let alert = waiting.shift(); alert !== undefined && sink !== undefined; alert = waiting.shift()) {
      try {
        await sink(alert, this.#abort.signal);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        this.#options.log.warn({ err: error, sink: name, key: alert.key }, 'an alert did not get through');
      }
    }
  }

  /** What is under way is broken off. */
  async close(): Promise<void> {
    this.#abort.abort();
    for (const { running } of this.#queues.values()) await running;
  }
}

function document({ key, severity, agent, text, state, since, at }: AlertChange): AlertDocument {
  const [sinceIso, atIso] = [new Date(since).toISOString(), new Date(at).toISOString()];
  return { key, severity, state, agent, text, since: sinceIso, at: atIso };
}
