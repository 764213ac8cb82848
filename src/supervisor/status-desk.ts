import type { HealthDocument, StatusDocument, StatusService } from '../api/status/schemas.ts';
import type { Alerting } from './alerts/alerting.ts';
import type { Core } from './core.ts';
import { metricsText } from './metrics.ts';
import type { Rooms } from './rooms.ts';
import { statusDocument } from './status-document.ts';

export interface StatusDeskDeps {
  core: Core;
  rooms: Pick<Rooms, 'holds' | 'settings' | 'supervision'> & { alerting: Pick<Alerting, 'untold'> };
  /** ISO 8601 */
  startedAt: string;
}

/** The whole state: as a document, as metrics, and whether everything works. */
export class StatusDesk implements StatusService {
  readonly #deps: StatusDeskDeps;

  constructor(deps: StatusDeskDeps) {
    this.#deps = deps;
  }

  async show(): Promise<StatusDocument> {
    const { core, rooms, startedAt } = this.#deps;
    const { store, buildId, fleet, engine, broker, roster } = core;
    const { settings, supervision } = rooms;
    return await statusDocument({
      ...core,
      base: roster.base,
      supervisor: { goingDown: fleet.goingDown, since: startedAt, epoch: store.epoch, buildId },
      broker: broker.keeper.state,
      config: settings.document(),
      degraded: this.#degraded(),
      records: fleet.records,
      use: (record) => supervision.watch.useOf(record),
      tasks: engine.counts(),
      queues: broker.queue.depths(),
    });
  }

  async metrics(): Promise<string> {
    return await metricsText(await this.show(), process.memoryUsage(), process.cpuUsage().user / 1e6);
  }

  health(): HealthDocument {
    const degraded = this.#degraded();
    return { ok: degraded.length === 0, degraded };
  }

  /** The parts that do not work now, each in one line. */
  #degraded(): string[] {
    const { holds, alerting } = this.#deps.rooms;
    return [...holds.degraded.list, ...alerting.untold];
  }
}
