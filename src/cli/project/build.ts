import path from 'node:path';
import { connect } from '../../api/client.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { openProject } from './project.ts';

const STATUS_TIMEOUT_MS = 1_000;
/** What a supervisor answers that does not know what is asked of it; what is no SwarmError met an answer it cannot read. */
const MISUNDERSTOOD = new Set(['bad-request', 'no-route', 'bad-answer']);

/** Whether a supervisor is of another build than this program: swarm was updated since it came up. */
export function isOtherBuild(buildId: string | null): boolean {
  const { url, dirname } = import.meta;
  // From the sources there is no build to compare with.
  return buildId !== null && !url.endsWith('.ts') && buildId !== path.basename(dirname);
}

export const UPDATED = 'swarm was updated since it came up here: `swarm down` and `swarm up` change to the new one';

/** Adds to an error that could come of it that the supervisor is of another build. Never throws. */
export async function tellOfUpdate(context: Context, error: unknown): Promise<void> {
  if (error instanceof SwarmError ? !MISUNDERSTOOD.has(error.code) : !(error instanceof TypeError)) return;
  try {
    const { layout } = await openProject(context);
    const { supervisor } = await connect(layout, { timeoutMs: STATUS_TIMEOUT_MS }).status();
    if (isOtherBuild(supervisor.buildId)) context.output.note(`note: ${UPDATED}`);
  } catch {
    // Whatever keeps us from knowing, the error itself is told.
  }
}
