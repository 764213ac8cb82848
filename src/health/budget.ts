/**
 * The money that all agents together have spent in this period. Totals of agents only grow; each growth is added here.
 */
export interface Ledger {
  /** The day or the run that the ledger counts. */
  period: string;
  spentUsd: number;
  /** Money that a person granted on top of the budget in this period. */
  grantedUsd: number;
  /** Each agent's total at its last report, USD. */
  last: Readonly<Record<string, number>>;
}

export const NEW_LEDGER: Ledger = { period: '', spentUsd: 0, grantedUsd: 0, last: {} };

/** @param now epoch ms; a day begins at this machine's midnight */
export function periodOf(per: 'day' | 'run', run: string, now: number): string {
  if (per === 'run') return `run ${run}`;
  const day = new Date(now);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The ledger of this period: an empty one where another has begun. */
export function inPeriod(ledger: Ledger, period: string): Ledger {
  return ledger.period === period ? ledger : { ...ledger, period, spentUsd: 0, grantedUsd: 0 };
}

/**
 * Books an agent's spending.
 * @param totalUsd what the agent has spent in its life; a total below the last one was begun anew, and nothing is
 * counted twice
 */
export function booked(ledger: Ledger, agent: string, totalUsd: number): Ledger {
  const before = ledger.last[agent] ?? 0;
  if (totalUsd === before) return ledger;
  const spentUsd = ledger.spentUsd + Math.max(0, totalUsd - before);
  return { ...ledger, spentUsd, last: { ...ledger.last, [agent]: totalUsd } };
}

export interface Standing {
  spentUsd: number;
  limitUsd: number;
  /** Never below 0. */
  leftUsd: number;
  state: 'well' | 'warned' | 'spent';
}

/** @param budget null: there is none */
export function standing(ledger: Ledger, budget: { usd?: number | undefined; warnAt: number }): Standing | null {
  if (budget.usd === undefined) return null;
  const limitUsd = budget.usd + ledger.grantedUsd;
  const { spentUsd } = ledger;
  const state = spentUsd >= limitUsd ? 'spent' : spentUsd >= limitUsd * budget.warnAt ? 'warned' : 'well';
  return { spentUsd, limitUsd, leftUsd: Math.max(0, limitUsd - spentUsd), state };
}
