import { EventEmitter } from 'node:events';
import type { EventDocument, EventsService } from '../../api/events/schemas.ts';
import type { EventAbout, EventName } from '../../domain/events.ts';

/** The place where events are kept; the store implements it. */
export interface EventStore {
  append(event: Omit<EventDocument, 'id'>): Promise<number>;
  after(id: number, limit: number): EventDocument[];
}

interface About {
  agent?: string | null;
  task?: string | null;
}

type Told = About & { data?: Readonly<Record<string, unknown>>; at?: string };

type EmitArguments<N extends EventName> =
  Record<never, never> extends EventAbout<N> ? [about?: About & EventAbout<N>] : [about: About & EventAbout<N>];

export type EventListener = (event: EventDocument) => void;

/** Appends events to the store, then calls the listeners. A listener's throw is logged, never propagated. */
export class EventLog implements EventsService {
  readonly #store: EventStore;
  /** The events that are in the store. */
  readonly past: EventsService['past'];
  readonly #emitter = new EventEmitter();
  readonly #onError: (error: unknown) => void;
  readonly #pending = new Set<Promise<void>>();

  constructor(store: EventStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.past = store;
    this.#onError = onError;
    this.#emitter.setMaxListeners(0);
  }

  /**
   * Emits an event and waits for nothing: an event log that cannot be written is reported, but never stops supervision.
   * `about` may leave out parts that the event does not have.
   */
  emit<N extends EventName>(name: N, ...about: EmitArguments<N>): void {
    this.#keep(eventOf(name, about[0]));
  }

  /**
   * Emits an event that the catalogue may not know, from a wrapper of another version; `at`: when it happened there.
   */
  tell(name: string, about: Told = {}): void {
    this.#keep(eventOf(name, about));
  }

  #keep(event: Omit<EventDocument, 'id'>): void {
    const written = this.#store
      .append(event)
      .then((id) => this.publish({ id, ...event }))
      .catch(this.#onError);
    this.#pending.add(written);
    void written.finally(() => this.#pending.delete(written));
  }

  /** Calls the listeners for an event that is in the store already. */
  publish(event: EventDocument): void {
    for (const listener of this.#emitter.listeners('event') as EventListener[]) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  subscribe(listener: EventListener): () => void {
    this.#emitter.on('event', listener);
    return () => this.#emitter.off('event', listener);
  }

  async drain(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

function eventOf(name: string, { agent = null, task = null, data, at }: Told = {}): Omit<EventDocument, 'id'> {
  return { at: at ?? new Date().toISOString(), name, agent, task, data: { ...data } };
}
