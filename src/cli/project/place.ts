import os from 'node:os';
import type { ProjectLayout } from '../../domain/layout.ts';
import { placeToBegin } from '../../store/runtime-place.ts';
import { isLocked, located } from './project.ts';

/** Where the supervisor is, or where this shell would have it begin. @param own as this shell alone would have it */
export async function placeForUp(own: ProjectLayout): Promise<ProjectLayout> {
  return (await isLocked(own)) ? located(own) : await placeToBegin(own, os.userInfo().uid);
}
