import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { belongingOf } from '../../store/place/belonging.ts';

/**
 * Refuses a repository whose state and worktrees are those of another path: a new project beside waiting tasks would
 * hide them, and git does not find the agents' worktrees from here.
 */
export function refuseMoved(layout: ProjectLayout): void {
  const error = movedError(layout);
  if (error !== null) throw error;
}

/** Null: it was not moved. */
export function movedError(layout: ProjectLayout): SwarmError | null {
  const found = belongingOf(layout);
  if (found.kind !== 'moved') return null;
  const was = path.basename(found.was).startsWith('.') ? path.dirname(found.was) : found.was;
  return new SwarmError('moved', `this repository was ${was} when its tasks were made; they are in ${found.stateDir}`, {
    hint: `Give the folder its earlier name, and they go on. To begin anew without them: rm ${shellQuote(path.join(layout.gitCommonDir, 'swarm.json'))}`,
    lasting: true,
  });
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
