import type { ProjectLayout } from '../../domain/layout.ts';
import { belongingOf } from '../../store/place/belonging.ts';
import { ignoredStates } from '../project/ignored-states.ts';
import { movedError } from '../project/moved.ts';
import { findingOf, type Diagnosis } from './finding.ts';
import type { Patient } from './patient.ts';

/** Names the state directories of this repository that are not in use, and that of another one in its place. */
export async function checkStates({ layout }: Patient): Promise<Diagnosis[]> {
  const found = belongingOf(layout);
  const text = await ignoredStates(layout);
  return [
    ...(found.kind === 'moved' ? [findingOf('moved', movedError(found, layout), 'warning')] : []),
    ...(text === null ? [] : [ignored(text)]),
    ...(found.kind === 'foreign' ? [foreign(layout)] : []),
  ];
}

function ignored(text: string): Diagnosis {
  return {
    check: 'states',
    severity: 'note',
    text,
    cause: 'swarm 0.1.0 had one for each folder that `swarm up` was run in.',
    cure: 'To use it instead: `swarm down`, move the one in use away, `swarm up`. Without worth to you, it can be deleted.',
  };
}

function foreign({ root, stateDir }: ProjectLayout): Diagnosis {
  return {
    check: 'states-foreign',
    severity: 'note',
    text: `${root} is another repository than the one whose tasks are in ${stateDir}`,
    cause: 'The folder was deleted and made anew.',
    cure: '`swarm up` begins anew here, and keeps them.',
  };
}
