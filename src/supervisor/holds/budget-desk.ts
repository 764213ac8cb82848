import type { Config } from '../../config/index.ts';
import { booked, inPeriod, periodOf, standing, type Condition, type Standing } from '../../health/index.ts';
import { usageOf, type AgentRecord } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { HoldsNote } from './holds-memory.ts';

export interface BudgetDeskDeps {
  note: HoldsNote;
  budget(): Config['budget'];
  events: EventLog;
  now(): number;
}

/** The money of the whole fleet: what was spent, and what is left. */
export class BudgetDesk {
  readonly #deps: BudgetDeskDeps;
  #told: Standing['state'] = 'well';

  constructor(deps: BudgetDeskDeps) {
    this.#deps = deps;
  }

  /** `up` after a `down` begins another run. */
  newRun(): void {
    this.#deps.note.run = new Date(this.#deps.now()).toISOString();
  }

  /** Books the spending in an agent's latest snapshot. */
  book(record: AgentRecord): void {
    if (record.row.kind !== 'claude' || record.observed.snapshot === null) return;
    const { note } = this.#deps;
    this.#turnPage();
    note.ledger = booked(note.ledger, record.id, usageOf(record).costUsd);
    this.#tell();
  }

  get standing(): Standing | null {
    this.#turnPage();
    return standing(this.#deps.note.ledger, this.#deps.budget());
  }

  /** Money that is left, USD; in steps as long as there is much, so that not each cent is news for every wrapper. */
  get leftUsd(): number | null {
    const now = this.standing;
    if (now === null) return null;
    const step = now.limitUsd / 50;
    return now.leftUsd > now.limitUsd / 5 ? Math.floor(now.leftUsd / step) * step : now.leftUsd;
  }

  /**
   * Grants as much again, as a person lets an agent go on.
   * @returns the grant in words; null: the budget was not spent
   */
  grant(agent: string): string | null {
    const { note, budget, events } = this.#deps;
    if (this.standing?.state !== 'spent') return null;
    const { usd = 0, per } = budget();
    note.ledger = { ...note.ledger, grantedUsd: note.ledger.spentUsd };
    const limitUsd = this.standing?.limitUsd ?? 0;
    const end = per === 'day' ? 'midnight' : '`swarm down`';
    const text = `${money(usd)} more: the agents go on until ${money(limitUsd)} are spent in this ${per}; that holds until ${end}`;
    events.emit('budget.raised', { agent, data: { limitUsd, text } });
    this.#tell();
    return text;
  }

  conditions(): Condition[] {
    const now = this.standing;
    if (now === null || now.state === 'well') return [];
    const { per, usd = 0 } = this.#deps.budget();
    const of = `${money(now.spentUsd)} of ${money(now.limitUsd)}`;
    if (now.state === 'warned')
      return [
        { key: 'budget.soon', severity: 'warning', agent: null, text: `${of} of this ${per}'s budget are spent` },
      ];
    const text = `the budget of this ${per} is spent (${of}): no agent asks the model any more. \`swarm resume AGENT\` grants ${money(usd)} more, so does a higher budget.usd in swarm.yaml with \`swarm up\``;
    return [{ key: 'budget.spent', severity: 'critical', agent: null, text }];
  }

  #turnPage(): void {
    const { note, budget, now } = this.#deps;
    note.ledger = inPeriod(note.ledger, periodOf(budget().per, note.run, now()));
  }

  #tell(): void {
    const now = this.standing;
    const state = now?.state ?? 'well';
    if (now !== null && state === 'spent' && this.#told !== 'spent')
      this.#deps.events.emit('budget.spent', { data: { ...now } });
    this.#told = state;
  }
}

export function money(usd: number): string {
  return `${usd < 0.1 ? usd.toFixed(4) : usd.toFixed(2)} USD`;
}
