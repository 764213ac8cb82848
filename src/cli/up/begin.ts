import { userInfo } from 'node:os';
import type { ProjectLayout } from '../../domain/layout.ts';
import type { Context } from '../project/context.ts';
import { makeDirectories } from '../project/directories.ts';
import { placeForUp } from '../project/place.ts';
import { layoutOf } from '../project/project.ts';
import { ensureSupervisor } from '../project/supervise.ts';

/** Starts a supervisor, for a verb that needs one while swarm is down. */
export async function beginSupervisor(context: Context, layout: ProjectLayout): Promise<void> {
  await makeDirectories(await placeForUp(layoutOf(context.env, layout)), userInfo().uid);
  await ensureSupervisor(layout, context.env, context.output, context.interrupt.signal);
}
