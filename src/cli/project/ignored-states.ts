import type { ProjectLayout } from '../../domain/layout.ts';
import { lastUse, statesOf } from '../../store/place/state-place.ts';

/** A line about the state directories of this repository that are not in use, with their tasks; null: there is none. */
export async function ignoredStates({ swarmStateDir, hash }: ProjectLayout): Promise<string | null> {
  const { used, others } = await statesOf(swarmStateDir, hash);
  if (others.length === 0) return null;
  const named = others.map((stateDir) => `${stateDir} (last used ${dayOf(lastUse(stateDir))})`).join(', ');
  return `this repository has tasks in more than one place: ${used} counts, what lies in ${named} is kept and not used`;
}

function dayOf(time: number): string {
  return time === 0 ? 'never' : new Date(time).toISOString().slice(0, 10);
}
