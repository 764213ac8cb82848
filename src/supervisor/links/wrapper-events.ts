import type { Logger } from 'pino';
import type { ToSupervisor } from '../../coordination/link.ts';
import { isTime } from '../../domain/event-fields.ts';
import { entryOf, wrapperMisfit } from '../../domain/events.ts';
import type { EventLog } from '../project/event-log.ts';

export type WrapperEvent = Extract<ToSupervisor, { type: 'event' }>;

/**
 * Logs every event of a wrapper, since one of another version may know more events, or fewer. An event that fits the
 * catalogue, or whose name is unknown here, is logged unchanged; any other as `agent.odd-event`, so that readers of an
 * event by its name can rely on its data.
 */
export class WrapperEvents {
  readonly #events: EventLog;
  readonly #log: Logger;
  readonly #unknown = new Set<string>();

  constructor({ events, log }: { events: EventLog; log: Logger }) {
    this.#events = events;
    this.#log = log;
  }

  take(agent: string, { name, task, data, at }: WrapperEvent): void {
    const why = isTime(at) ? wrapperMisfit(name, data) : 'its time is none';
    if (why !== null) {
      this.#log.warn({ agent, event: name, why }, 'an event of a wrapper does not fit');
      this.#events.emit('agent.odd-event', { agent, task, data: { name, why, data } });
      return;
    }
    if (entryOf(name) === null && !this.#unknown.has(name)) {
      this.#unknown.add(name);
      this.#log.info({ agent, event: name }, 'a wrapper tells an event that this version does not know');
    }
    this.#events.tell(name, { agent, task, data, at });
  }
}
