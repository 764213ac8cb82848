import { ignoredStates } from '../project/ignored-states.ts';
import type { Diagnosis } from './finding.ts';
import type { Patient } from './patient.ts';

/** Names the state directories of this repository that are not in use. */
export async function checkStates({ layout }: Patient): Promise<Diagnosis[]> {
  const text = await ignoredStates(layout);
  if (text === null) return [];
  return [
    {
      check: 'states',
      severity: 'note',
      text,
      cause: 'swarm 0.1.0 had one for each folder that `swarm up` was run in.',
      cure: 'To use it instead: `swarm down`, move the one in use away, `swarm up`. Without worth to you, it can be deleted.',
    },
  ];
}
