import type { AccountHold } from './account.ts';

/** How much of one of the account's limits is used, as Claude Code tells it of a subscription. */
export interface LimitUse {
  /** 0–100. */
  usedPercent: number;
  /** When it is given anew, epoch ms. */
  resetsAt: number;
}

/**
 * What the account lacks for one more agent. What nobody has told speaks against nobody. Pure.
 * @param uses as the agents of this account heard it last; one whose time is over says nothing any more
 * @param mostPercent from then on it is too little
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
