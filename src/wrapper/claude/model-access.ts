import type { ClaudeEvent } from '../../claude/index.ts';
import type { ApiFacts } from '../../coordination/model-permit.ts';
import { ModelPermits, type ModelPermitsDeps } from './model-permit.ts';

/**
 * How long the price of a request may take, ms: telemetry comes ten times a second, and much later on a machine under
 * load.
 */
const LATE_USAGE_MS = 5_000;
/** The price of the last request is waited for when a limit is nearer than so many requests of the dearest kind. */
const NEAR_REQUESTS = 5;

const NOTHING: ApiFacts = { failures: 0, failed: null, answeredAt: null, resetsAt: null, limit: null };

export interface Failure {
  error: string;
  details: string | null;
}

/**
 * This agent's way to the model: tells the supervisor how requests end, and hears from it whether this agent may ask.
 */
export class ModelAccess {
  readonly permits: ModelPermits;
  readonly #deps: ModelPermitsDeps;
  #facts: ApiFacts = NOTHING;
  #totalUsd = 0;
  #dearestUsd = 0;
  /** Whether the price of the last request is known. */
  #priced = false;

  constructor(deps: ModelPermitsDeps) {
    this.#deps = deps;
    this.permits = new ModelPermits(deps);
  }

  event(event: ClaudeEvent): void {
    switch (event.type) {
      case 'tool-start':
        this.permits.asking(false);
        this.#update({ answeredAt: event.at });
        return;
      case 'tool-end':
      case 'prompt-submitted':
        this.permits.asking(true);
        this.#priced = false;
        return;
      case 'turn-ended':
        if (event.lastMessage !== null && event.lastMessage !== '') this.#update({ answeredAt: event.at });
        return;
      case 'status-line': {
        const resetsAt = event.resetsAt === null ? null : new Date(event.resetsAt).toISOString();
        const limit =
          event.limit === null ? null : { ...event.limit, resetsAt: new Date(event.limit.resetsAt).toISOString() };
        if (resetsAt !== this.#facts.resetsAt) this.#update({ resetsAt });
        // A status line without a limit does not take back an earlier one.
        if (limit !== null && JSON.stringify(limit) !== JSON.stringify(this.#facts.limit)) this.#update({ limit });
        return;
      }
      default:
    }
  }

  /** Takes in what this wrapper has spent in all, USD. */
  spent(totalUsd: number): void {
    if (totalUsd <= this.#totalUsd) return;
    this.#dearestUsd = Math.max(this.#dearestUsd, totalUsd - this.#totalUsd);
    this.#totalUsd = totalUsd;
    this.#priced = true;
    this.permits.spent(totalUsd);
    this.permits.changes.emit();
  }

  /**
   * Called before a tool runs and after it; resolves when the agent may ask the model next.
   * @param limitUsd the nearest limit of `totalUsd` beside the fleet's; null: none
   */
  async edge(when: 'before' | 'after', limitUsd: number | null): Promise<void> {
    if (when === 'before') await this.#price(limitUsd);
    await this.permits.edge();
  }

  /**
   * Waits for the price of the request that asked for this tool, where a limit is near. The second of several tools of
   * one answer waits in vain: nothing tells it from the first tool of another answer.
   */
  async #price(limitUsd: number | null): Promise<void> {
    const limits = [limitUsd, this.permits.costLimitUsd].filter((limit) => limit !== null);
    const left = Math.min(...limits) - this.#totalUsd;
    const isNear = left < NEAR_REQUESTS * this.#dearestUsd || (limits.length > 0 && this.#dearestUsd === 0);
    if (!isNear || this.#priced) return;
    const late = new AbortController();
    const cancel = this.#deps.clock.after(LATE_USAGE_MS, () => late.abort());
    await this.permits.changes.until(() => (this.#priced ? true : null), late.signal);
    cancel();
  }

  /** Reports that a turn failed for good. @returns the failure's number, for `heard` */
  failed({ error, details }: Failure): number {
    const at = new Date(this.#deps.clock.now()).toISOString();
    this.#update({ failures: this.#facts.failures + 1, failed: { error, details, at } });
    return this.#facts.failures;
  }

  /**
   * Waits until the supervisor has taken in the failure of that number, at most `ms`.
   * @returns whether it has
   */
  async heard(failure: number, ms: number, signal: AbortSignal): Promise<boolean> {
    const late = new AbortController();
    const cancel = this.#deps.clock.after(ms, () => late.abort());
    const heard = await this.permits.changes.until(
      () => (this.permits.heard >= failure ? true : null),
      AbortSignal.any([signal, late.signal]),
    );
    cancel();
    return heard === true;
  }

  #update(facts: Partial<ApiFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#deps.state.update({ api: this.#facts });
  }
}
