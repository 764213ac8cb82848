import path from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { connect } from '../../api/client.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import { compareVersions } from '../../lib/versions.ts';
import { agentAround, type Context } from './context.ts';
import { openProject } from './project.ts';

const STATUS_TIMEOUT_MS = 1_000;
/**
 * Answers of a supervisor that does not know a request; an error that is no SwarmError comes from an answer that this
 * program cannot read.
 */
const MISUNDERSTOOD = new Set(['bad-request', 'no-route', 'bad-answer']);

type Running = Pick<StatusDocument, 'version' | 'supervisor'>;

/** Whether a supervisor is of another build than this program: swarm was updated since it came up. */
export function isOtherBuild({ supervisor: { buildId } }: Pick<Running, 'supervisor'>): boolean {
  const { url, dirname } = import.meta;
  // Run from the sources, this program has no build.
  return buildId !== null && !url.endsWith('.ts') && buildId !== path.basename(dirname);
}

/** A newer supervisor may know more than this program does, of its store too. */
export const isNewer = ({ version }: Pick<Running, 'version'>): boolean =>
  compareVersions(version, manifest.version) > 0;

/** Whether `up` puts this build in the place of that supervisor: an agent's own copy of swarm must not rule it. */
export function isToBeReplaced(running: Running, env: NodeJS.ProcessEnv): boolean {
  return isOtherBuild(running) && !isNewer(running) && running.supervisor.state === 'up' && agentAround(env) === null;
}

/** A note for the person about a supervisor of another build; null: none. */
export function buildNote(running: Running): string | null {
  if (!isOtherBuild(running)) return null;
  return isNewer(running)
    ? `note: swarm ${running.version} is up here, and this is ${manifest.version}: update this one, or run \`swarm down\` and \`swarm up\` with the other`
    : 'note: swarm was updated since it came up here: `swarm up` changes to the new one, and agents work on meanwhile';
}

/** Notes beside an error that the supervisor is of another build, where that could be the cause. Never throws. */
export async function tellOfUpdate(context: Context, error: unknown): Promise<void> {
  if (error instanceof SwarmError ? !MISUNDERSTOOD.has(error.code) : !(error instanceof TypeError)) return;
  try {
    const { layout } = await openProject(context);
    const note = buildNote(await connect(layout, { timeoutMs: STATUS_TIMEOUT_MS }).status.show());
    if (note !== null) context.output.note(note);
  } catch {
    // Without an answer the error stands alone.
  }
}
