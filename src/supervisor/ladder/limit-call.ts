import type { Crossing } from '../../health/index.ts';
import type { LadderCall } from './next-rung.ts';

/** What a hard limit calls for on the ladder; null: those of money and tokens end in a pause, not on the ladder. */
export function callOf({ limit, how }: Crossing, now: number): LadderCall | null {
  if (how === 'soft' || limit === 'usd' || limit === 'tokens') return null;
  return { cause: limit, at: now, least: limit === 'memory' ? 'restart' : 'interrupt' };
}
