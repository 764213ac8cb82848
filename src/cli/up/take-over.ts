import manifest from '../../../package.json' with { type: 'json' };
import type { StatusDocument } from '../../api/status/schemas.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { isToBeReplaced } from '../project/build.ts';
import type { Context } from '../project/context.ts';
import { ensureSupervisor, replaceSupervisor } from '../project/supervise.ts';

/** Tries, since a wrapper of the other build may start its own supervisor again just between the two. */
const ATTEMPTS = 3;

/** Makes a supervisor of this build answer, even where another one was up, whose agents it adopts as they work. */
export async function supervisorForUp(context: Context, layout: ProjectLayout): Promise<void> {
  const { env, output, interrupt } = context;
  let there = await ensureSupervisor(layout, env, output, interrupt.signal);
  for (let attempt = 1; attempt <= ATTEMPTS && isToBeReplaced(there, env); attempt += 1) {
    if (attempt === 1) output.note(`${changing(there)}; agents work on, and change when they are idle`);
    there = await replaceSupervisor(layout, env, output, interrupt.signal, there);
  }
}

function changing({ version }: Pick<StatusDocument, 'version'>): string {
  return version === manifest.version
    ? `changing to this build of swarm ${version}`
    : `changing from swarm ${version} to ${manifest.version}`;
}
