import { addUsage, NO_USAGE, type Usage } from '../../domain/agent.ts';
import { awakeSince, crossings, type Crossing, type Gap, type Limits } from '../../health/index.ts';
import { usageOf, type AgentRecord, type WrittenBy } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';

/** An agent's totals when its day began. */
interface DayStart {
  /** `2030-01-31` */
  day: string;
  costUsd: number;
  tokens: number;
}

export interface LimitsDeps {
  events: EventLog;
  now(): number;
  gaps(): readonly Gap[];
  records(): readonly WrittenBy<'watch'>[];
  /** Null: its role is gone. */
  limits(record: AgentRecord): Limits | null;
  /** Stops the agent and gives its task to others; it waits until a person lets it go on. */
  pause(record: AgentRecord, text: string): Promise<void>;
  memory: { read(): Record<string, DayStart>; write(days: Record<string, DayStart>): Promise<void> };
  onError(error: unknown): void;
}

/** Measures each agent's use against its limits. */
export class LimitWatch {
  readonly #deps: LimitsDeps;
  readonly #days: Map<string, DayStart>;
  readonly #told = new Map<string, ReadonlySet<string>>();
  readonly #pausing = new Set<string>();

  constructor(deps: LimitsDeps) {
    this.#deps = deps;
    this.#days = new Map(Object.entries(deps.memory.read()));
  }

  /** Once a second. */
  tick(): void {
    for (const record of this.#deps.records()) {
      record.crossings = this.#crossings(record);
      this.#tell(record);
      const spent = record.crossings.find(
        ({ limit, how }) => how === 'hard' && (limit === 'usd' || limit === 'tokens'),
      );
      if (spent !== undefined) this.#pause(record, spent);
    }
  }

  /** A person let it go on: from now on it may use as much again. */
  renew({ id }: AgentRecord): void {
    if (this.#days.delete(id)) this.#remember();
  }

  #crossings(record: AgentRecord): Crossing[] {
    const limits = this.#deps.limits(record);
    const { signs, observed } = record;
    if (limits === null || observed.snapshot === null || !observed.linked) return [];
    const day = this.#day(record);
    const { costUsd, ...tokens } = usageOf(record);
    return crossings(
      {
        memory: signs?.use?.rssBytes ?? null,
        processes: signs?.use?.processes ?? null,
        turn: this.#turnMs(record),
        usd: costUsd - day.costUsd,
        tokens: tokensOf({ costUsd, ...tokens }) - day.tokens,
      },
      limits,
    );
  }

  #turnMs({ observed: { snapshot } }: AgentRecord): number | null {
    const began = Date.parse(snapshot?.activity?.turnBegan ?? '');
    if (Number.isNaN(began) || snapshot?.turn !== 'busy') return null;
    const { now, gaps } = this.#deps;
    return awakeSince(began, now(), gaps()) - (snapshot.activity?.waitedMs ?? 0);
  }

  #day(record: AgentRecord): DayStart {
    const day = new Date(this.#deps.now()).toISOString().slice(0, 10);
    const known = this.#days.get(record.id);
    if (known?.day === day) return known;
    const used = usageOf(record);
    const start = { day, costUsd: used.costUsd, tokens: tokensOf(used) };
    this.#days.set(record.id, start);
    this.#remember();
    return start;
  }

  #tell({ id, crossings: now }: AgentRecord): void {
    const before = this.#told.get(id) ?? new Set();
    this.#told.set(id, new Set(now.map(({ limit, how }) => `${limit} ${how}`)));
    for (const { limit, how, text } of now) {
      if (before.has(`${limit} ${how}`)) continue;
      this.#deps.events.emit(`agent.limit.${how}`, { agent: id, data: { limit, text } });
    }
  }

  #pause(record: AgentRecord, { text }: Crossing): void {
    if (record.row.desired !== 'up' || this.#pausing.has(record.id)) return;
    this.#pausing.add(record.id);
    this.#deps
      .pause(record, text)
      .catch(this.#deps.onError)
      .finally(() => this.#pausing.delete(record.id));
  }

  #remember(): void {
    this.#deps.memory.write(Object.fromEntries(this.#days)).catch(this.#deps.onError);
  }
}

function tokensOf(usage: Usage): number {
  const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens } = addUsage(NO_USAGE, usage);
  return inputTokens + outputTokens + cacheReadTokens + cacheCreationTokens;
}
