import { currentUid } from '../../process/account.ts';
import type { SwarmClient } from '../../api/client.ts';
import type { Context } from '../project/context.ts';
import { makeDirectories } from '../project/directories.ts';
import { placeForUp } from '../project/place.ts';
import { connectTo, lookHere, RESTART_PATIENCE_MS } from '../project/project.ts';
import { ensureSupervisor } from '../project/supervise.ts';

/** Starts a supervisor, for a verb that needs one while swarm is down. */
export async function beginSupervisor(context: Context): Promise<SwarmClient> {
  const place = await placeForUp((await lookHere(context)).layout, context.output);
  await makeDirectories(place, currentUid());
  await ensureSupervisor(place, context.env, context.output, context.interrupt.signal);
  return connectTo(place, { patienceMs: RESTART_PATIENCE_MS });
}
