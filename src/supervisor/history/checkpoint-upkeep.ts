import type { Logger } from 'pino';
import type { Retention } from '../../checkpoint/keep/retention.ts';
import { pruneCheckpoints } from '../../checkpoint/keep/upkeep.ts';
import type { ProjectLayout } from '../../domain/layout.ts';

const EVERY_MS = 3_600_000;
/** Not while everything starts. */
const FIRST_AFTER_MS = 600_000;

/** Lets checkpoints go whose time is over, once an hour; driven by the supervisor's tick. */
export class CheckpointUpkeep {
  readonly #parts: { layout: ProjectLayout; retention(): Retention; log: Logger; pruned(count: number): void };
  #nextAt: number;
  #running = false;

  constructor(
    parts: { layout: ProjectLayout; retention(): Retention; log: Logger; pruned(count: number): void },
    now = Date.now(),
  ) {
    this.#parts = parts;
    this.#nextAt = now + FIRST_AFTER_MS;
  }

  tick(now = Date.now()): void {
    if (this.#running || now < this.#nextAt) return;
    this.#nextAt = now + EVERY_MS;
    this.#running = true;
    const { layout, retention, log, pruned } = this.#parts;
    pruneCheckpoints(layout, retention(), { now })
      .then(({ removed }) => {
        if (removed.length > 0) pruned(removed.length);
      })
      .catch((error: unknown) => log.warn({ err: error }, 'old checkpoints were not removed'))
      .finally(() => {
        this.#running = false;
      });
  }
}
