import type { Logger } from 'pino';
import type { EventDocument } from '../../api/events/schemas.ts';
import type { HistoryDocument } from '../../api/agents/schemas.ts';
import type { AgentStatus } from '../../domain/agent.ts';
import { historyOf } from '../../health/index.ts';
import { HISTORY_MS } from '../../store/health.ts';
import type { Store } from '../../store/store.ts';
import type { EventLog } from '../project/event-log.ts';

const STATUS_EVENT = 'agent.status.';
/** A supervisor that is replaced is away for less, ms. */
const SHORT_ABSENCE_MS = 5_000;

/** Keeps each agent's statuses, from the events about their changes. */
export class HealthHistory {
  readonly #store: Store;

  constructor({ store, events, log }: { store: Store; events: EventLog; log: Logger }) {
    this.#store = store;
    events.subscribe((event) => {
      this.#note(event)?.catch((error: unknown) => log.warn({ err: error }, 'a change of status could not be kept'));
    });
  }

  #note({ name, agent, at, data }: EventDocument): Promise<void> | undefined {
    if (agent === null || !name.startsWith(STATUS_EVENT)) return undefined;
    const status = name.slice(STATUS_EVENT.length) as AgentStatus;
    const reason = typeof data['reason'] === 'string' && data['reason'] !== '' ? data['reason'] : null;
    return this.#store.health.add({ agent, status, reason, at: Date.parse(at) });
  }

  /**
   * At the start: notes that all statuses are unknown for the time without a supervisor, except those of stopped
   * agents, which stayed so.
   */
  async absent(last: number | null, now: number): Promise<void> {
    if (last === null || Math.abs(now - last) < SHORT_ABSENCE_MS) return;
    for (const { id } of this.#store.agents.list()) {
      const before = this.#store.health.of(id, now).at(-1);
      if (before === undefined || before.status === 'stopped') continue;
      await this.#store.health.add({ agent: id, status: 'unknown', reason: 'no supervisor was there', at: last });
    }
  }

  document(agent: string, now: number): HistoryDocument {
    const { from, intervals, lasted } = historyOf(
      this.#store.health.of(agent, now - HISTORY_MS),
      now - HISTORY_MS,
      now,
    );
    return {
      agent,
      from: new Date(from).toISOString(),
      to: new Date(now).toISOString(),
      intervals: intervals.map(({ status, reason, since, until }) => ({
        status,
        reason,
        since: new Date(since).toISOString(),
        ms: until - since,
      })),
      lasted,
    };
  }
}
