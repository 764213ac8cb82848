import type { Agent } from '../../api/agents/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { openProject } from './project.ts';

type AgentVerb = 'stop' | 'pause' | 'resume' | 'restart';

/** Sends one order for each named agent; the first failure ends it. */
export function orderAgents(verb: AgentVerb) {
  return async (context: Context, ids: string[]): Promise<void> => {
    const { client } = await openProject(context);
    const done: Agent[] = [];
    for (const id of ids) {
      const agent = await client.agents[verb]({ id }).catch((error: unknown) => {
        throw withProgress(error, verb, done);
      });
      done.push(agent);
      context.output.line(`${agent.id}: ${verb} ordered (was ${agent.status})`);
      if (agent.granted !== undefined) context.output.line(`The budget was spent. Granted: ${agent.granted}.`);
    }
    context.output.document(done.length === 1 ? done[0] : { agents: done });
  };
}

/**
 * Adds to the error which of several agents have carried the order out, so that a person can order the others alone.
 */
function withProgress(error: unknown, verb: AgentVerb, done: readonly Agent[]): unknown {
  if (done.length === 0 || !(error instanceof SwarmError)) return error;
  const { code, message, hint, exitCode, retrySafe } = error;
  const so = done.map((agent) => agent.id).join(', ');
  return new SwarmError(code, `${message} (${verb} was ordered for ${so})`, {
    hint,
    exitCode,
    retrySafe,
    cause: error,
  });
}
