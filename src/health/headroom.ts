import type { AccountHold } from './account.ts';

/** The used share of one of the account's limits, as Claude Code reports it for a subscription. */
export interface LimitUse {
  /** 0–100. */
  usedPercent: number;
  /** When the limit is renewed, epoch ms. */
  resetsAt: number;
}

/**
 * Why the account does not bear one more agent. A limit of which no agent has heard forbids nothing. Pure.
 * @param uses as the agents of this account heard them last; one that was renewed since says nothing any more
 * @param mostPercent from this use on too little is left
 * @returns null: it bears one more
 */
export function lackOfHeadroom(
  hold: AccountHold | null,
  uses: readonly LimitUse[],
  mostPercent: number,
  now: number,
): string | null {
  if (hold?.kind === 'rate-limit') return "the account's rate limit is reached";
  const current = uses.filter(({ resetsAt }) => resetsAt > now);
  const fullest = current.toSorted((a, b) => a.usedPercent - b.usedPercent).at(-1);
  if (fullest === undefined || fullest.usedPercent < mostPercent) return null;
  const until = new Date(fullest.resetsAt).toISOString();
  return `${fullest.usedPercent} % of the account's rate limit are used until ${until}, from ${mostPercent} % on no further agent starts (admission.rateLimit)`;
}
