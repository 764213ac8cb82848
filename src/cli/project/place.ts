import os from 'node:os';
import type { ProjectLayout } from '../../domain/layout.ts';
import { placeToBegin } from '../../store/place/runtime-place.ts';
import { takeState } from '../../store/place/take-state.ts';
import { isLocked, located } from './project.ts';

/** The layout of the running supervisor, or of one to be started: nothing is changed. @param own by this shell alone */
export async function placeOfUp(own: ProjectLayout): Promise<ProjectLayout> {
  return await withRuntime(own);
}

/** The same for a shell that starts it now. */
export async function placeForUp(own: ProjectLayout): Promise<ProjectLayout> {
  return await withRuntime(await takeState(own));
}

async function withRuntime(layout: ProjectLayout): Promise<ProjectLayout> {
  return (await isLocked(layout)) ? await located(layout) : await placeToBegin(layout, os.userInfo().uid);
}
