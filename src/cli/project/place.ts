import os from 'node:os';
import type { ProjectLayout } from '../../domain/layout.ts';
import { placeToBegin } from '../../store/runtime-place.ts';
import { isLocked, located } from './project.ts';

/** The layout of the running supervisor, or of one to be started. @param own the layout by this shell alone */
export async function placeForUp(own: ProjectLayout): Promise<ProjectLayout> {
  return (await isLocked(own)) ? await located(own) : await placeToBegin(own, os.userInfo().uid);
}
