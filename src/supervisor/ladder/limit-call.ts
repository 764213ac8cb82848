import type { Crossing } from '../../health/index.ts';
import type { LadderCall } from './next-rung.ts';

/** The ladder's call for a hard limit; null: limits of money and tokens end in a pause, not on the ladder. */
export function callOf({ limit, how }: Crossing, now: number): LadderCall | null {
  if (how === 'soft' || limit === 'usd' || limit === 'tokens') return null;
  return { cause: limit, at: now, least: limit === 'memory' ? 'restart' : 'interrupt' };
}
