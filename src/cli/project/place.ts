import { currentUid } from '../../process/account.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { placeToBegin } from '../../store/place/runtime-place.ts';
import { belongingOf } from '../../store/place/belonging.ts';
import { setAside, takeState } from '../../store/place/take-state.ts';
import type { Output } from '../say/output.ts';
import { isLocked, located } from './project.ts';
import { takeOverMoved } from './take-over-moved.ts';

/** The layout of the running supervisor, or of one to be started: nothing is changed. @param own by this shell alone */
export async function placeOfUp(own: ProjectLayout): Promise<ProjectLayout> {
  return await withRuntime(own);
}

/**
 * The same for a shell that starts it now. The state of an earlier version, or of an earlier place of the repository, is
 * taken over.
 * @throws SwarmError `moved`: that cannot be
 */
export async function placeForUp(own: ProjectLayout, output: Output): Promise<ProjectLayout> {
  const taken = await takeState(own);
  const kept = belongingOf(taken).kind === 'foreign' ? await setAside(taken, new Date()) : null;
  if (kept !== null)
    output.note(
      `note: ${own.root} is another repository than the one that was there before; the tasks of that one are kept in ${kept}`,
    );
  const layout = kept === null ? taken : await takeState(own);
  const moved = await takeOverMoved(layout);
  if (moved !== null) output.note(`note: ${moved.note}`);
  return await withRuntime(moved?.layout ?? layout);
}

async function withRuntime(layout: ProjectLayout): Promise<ProjectLayout> {
  return (await isLocked(layout)) ? await located(layout) : await placeToBegin(layout, currentUid());
}
