import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { belongingOf, type Moved } from '../../store/place/belonging.ts';

/** What keeps `up` from taking the state over. */
type Obstacle = 'up' | 'lives' | 'in the way';

/** Refuses to show a repository whose state is that of another path as one without tasks. */
export function refuseMoved(layout: ProjectLayout): void {
  const found = belongingOf(layout);
  if (found.kind === 'moved') throw movedError(found, layout);
}

/** @param obstacle none: `up` has not tried yet */
export function movedError(found: Moved, layout: ProjectLayout, obstacle?: Obstacle): SwarmError {
  const hints: Record<Obstacle, string> = {
    up: 'Its swarm is still up under the earlier name: `swarm down`, then `swarm up`.',
    lives:
      'Agents still live under the earlier name, without a supervisor: give the folder that name, run `swarm down`, then rename it again.',
    'in the way': `\`swarm up\` takes them over once ${layout.stateDir} is moved away: something else is in there.`,
  };
  const hint = obstacle === undefined ? '`swarm up` goes on with them here.' : hints[obstacle];
  const message = `${wasText(found, layout)}: its tasks are in ${found.stateDir}`;
  return new SwarmError('moved', message, { hint, lasting: true });
}

/** The fact: where the repository was. Pure. */
export function wasText({ was }: Moved, { gitCommonDir }: ProjectLayout): string {
  if (was === gitCommonDir) return 'this repository was renamed';
  return `this repository was ${path.basename(was).startsWith('.') ? path.dirname(was) : was}`;
}

/** Refuses to show the tasks of another repository, which was at this path before, as those of this one. */
export function refuseForeign(layout: ProjectLayout): void {
  if (belongingOf(layout).kind !== 'foreign') return;
  throw new SwarmError(
    'other-repository',
    `${layout.root} is another repository than the one whose tasks are in ${layout.stateDir}`,
    { hint: '`swarm up` begins anew here, and keeps them.', lasting: true },
  );
}
