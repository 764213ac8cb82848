import { readTail, type ClaudeEvent } from '../../claude/index.ts';
import { NO_USAGE, addUsage, type Usage } from '../../domain/agent.ts';

const REMEMBERED = 5_000;

/** Counts what Claude Code used: exactly from telemetry, else from status line (money) and transcript (tokens). */
export class UsageMeter {
  readonly #seen = new Set<string>();
  readonly #lastCost = new Map<string, number>();
  readonly #offsets = new Map<string, number>();
  #total: Usage = { ...NO_USAGE };
  #exact = true;
  #lastAt = 0;

  get total(): Usage {
    return this.#total;
  }

  /** Epoch ms of the last telemetry; 0 = none yet. */
  get lastAt(): number {
    return this.#lastAt;
  }

  get exact(): boolean {
    return this.#exact;
  }

  /**
   * A session begins.
   * @param exact telemetry comes; else the estimate is used. `fresh`: the session's cost begins at 0.
   */
  begins(sessionId: string, exact: boolean, fresh: boolean): void {
    this.#exact = exact;
    if (fresh) this.#lastCost.set(sessionId, 0);
  }

  /** Takes in an event. True when the total changed. */
  event(event: ClaudeEvent): boolean {
    if (event.type === 'usage' && !this.#seen.has(event.requestId)) {
      this.#seen.add(event.requestId);
      if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value ?? '');
      this.#lastAt = Date.parse(event.at);
      this.#total = addUsage(this.#total, event.usage);
      return true;
    }
    if (event.type === 'status-line' && event.costUsd !== null) return this.#cost(event.sessionId, event.costUsd);
    return false;
  }

  #cost(sessionId: string, costUsd: number): boolean {
    const before = this.#lastCost.get(sessionId);
    this.#lastCost.set(sessionId, costUsd);
    // A resumed session that this meter has not seen carries the cost of its past.
    if (this.#exact || before === undefined || costUsd <= before) return false;
    this.#total = addUsage(this.#total, { ...NO_USAGE, costUsd: costUsd - before });
    return true;
  }

  /** Reads the tokens of a turn that ended, where telemetry does not bring them. */
  async readTranscript(file: string | null): Promise<void> {
    if (this.#exact || file === null) return;
    const tail = await readTail(file, this.#offsets.get(file) ?? 0);
    this.#offsets.set(file, tail.offset);
    for (const { usage } of tail.usage.values()) this.#total = addUsage(this.#total, { ...usage, costUsd: 0 });
  }
}

export function usageSince(total: Usage, start: Usage): Usage {
  return {
    costUsd: Math.max(0, total.costUsd - start.costUsd),
    inputTokens: total.inputTokens - start.inputTokens,
    outputTokens: total.outputTokens - start.outputTokens,
    cacheReadTokens: total.cacheReadTokens - start.cacheReadTokens,
    cacheCreationTokens: total.cacheCreationTokens - start.cacheCreationTokens,
  };
}
