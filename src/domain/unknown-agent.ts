import { SwarmError } from './errors.ts';
import { nearest } from '../lib/nearest.ts';

/** @param names the existing agents: the nearest is offered */
export function unknownAgent(id: string, names: readonly string[]): SwarmError {
  const known = [...new Set(names)];
  const [near = null] = nearest(id, known, 1);
  const hint =
    near !== null
      ? `Did you mean ${near}?`
      : known.length === 0
        ? 'There are none yet: `swarm up 3`.'
        : `There are: ${known.join(', ')}`;
  return new SwarmError('unknown-agent', `there is no agent ${id}`, { hint, exitCode: 2 });
}

/** The error for an agent that existed when the order came. */
export function removedMeanwhile(id: string): SwarmError {
  return new SwarmError('unknown-agent', `${id} has been removed meanwhile`, { hint: 'See `swarm status`.' });
}
