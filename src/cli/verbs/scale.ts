import { Argument } from 'commander';
import type { Agent } from '../../api/agents/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';
import { countOf } from '../say/words.ts';
import { workerCount } from '../verb/values.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'change the number of workers',
  description: 'Changes the number of workers of a swarm that is up; asks nothing and waits for nothing.',
  arguments: [new Argument('<workers>', 'how many there are to be').argParser(workerCount)],
  run: scale,
};

const ROLE = 'worker';

export interface ScaleDocument {
  before: number;
  after: number;
  started: string[];
  stopped: string[];
  agents: Agent[];
}

/** Sets only the number: no question, no check, no waiting. `up` does what a start needs besides. */
async function scale(context: Context, workers: number): Promise<void> {
  const { client } = await openProject(context);
  const before = await client.agents.list().catch((error: unknown) => {
    if (!(error instanceof SwarmError) || error.code !== 'supervisor-down') throw error;
    throw new SwarmError(error.code, error.message, {
      hint: `Start it with \`swarm up ${workers}\`.`,
      cause: error,
      retrySafe: true,
    });
  });
  const { agents } = await client.swarm.up({ workers, keepBase: true });
  const change = changeOf(before, agents, workers);
  context.output.document({ ...change, agents } satisfies ScaleDocument);
  context.output.line(scaleText(change));
}

/**
 * The workers that are to start, and those that are to stop. The first `workers` are wanted from now on, whatever their
 * state: one that is just being stopped starts again as soon as it has stopped. Pure.
 */
export function changeOf(
  before: readonly Agent[],
  after: readonly Agent[],
  workers: number,
): Omit<ScaleDocument, 'agents'> {
  const wanted = new Set(Array.from({ length: workers }, (_, index) => `${ROLE}-${index + 1}`));
  const were = before.filter(isThere).map(({ id }) => id);
  const are = after.filter(({ id }) => wanted.has(id)).map(({ id }) => id);
  return {
    before: were.length,
    after: are.length,
    started: are.filter((id) => !were.includes(id)),
    stopped: were.filter((id) => !are.includes(id)),
  };
}

function isThere({ role, status }: Agent): boolean {
  return role === ROLE && status !== 'stopped' && status !== 'stopping';
}

export function scaleText({ before, after, started, stopped }: Omit<ScaleDocument, 'agents'>): string {
  if (started.length + stopped.length === 0) return `${countOf(after, 'worker')}, as before`;
  const parts = [
    ...(started.length === 0 ? [] : [`${started.join(', ')} ${started.length === 1 ? 'starts' : 'start'}`]),
    ...(stopped.length === 0
      ? []
      : [`${stopped.join(', ')} ${stopped.length === 1 ? 'stops' : 'stop'} (worktrees and conversations stay)`]),
  ];
  return `workers: ${before} → ${after}; ${parts.join('; ')}`;
}
