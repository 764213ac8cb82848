import type { Logger } from 'pino';
import { pruneCheckpoints } from '../../checkpoint/keep/upkeep.ts';
import type { Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import type { EventLog } from '../project/event-log.ts';
import { retentionOf } from './checkpoint-settings.ts';

export interface CheckpointUpkeepDeps {
  layout: ProjectLayout;
  config: Pick<Config, 'checkpoints'>;
  log: Logger;
  events: EventLog;
}

const EVERY_MS = 3_600_000;
/** The first run comes after the rush of the start. */
const FIRST_AFTER_MS = 600_000;

/** Removes checkpoints whose time is over, once an hour; driven by the supervisor's tick. */
export class CheckpointUpkeep {
  readonly #deps: CheckpointUpkeepDeps;
  #nextAt: number;
  #running = false;

  constructor(deps: CheckpointUpkeepDeps, now = Date.now()) {
    this.#deps = deps;
    this.#nextAt = now + FIRST_AFTER_MS;
  }

  tick(now = Date.now()): void {
    if (this.#running || now < this.#nextAt) return;
    this.#nextAt = now + EVERY_MS;
    this.#running = true;
    const { layout, config, log, events } = this.#deps;
    pruneCheckpoints(layout, retentionOf(config), { now })
      .then(({ removed }) => {
        if (removed.length > 0) events.emit('checkpoints.pruned', { data: { count: removed.length } });
      })
      .catch((error: unknown) => log.warn({ err: error }, 'old checkpoints were not removed'))
      .finally(() => {
        this.#running = false;
      });
  }
}
