import type { Agent } from '../../api/agents/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { openProject } from './project.ts';

type AgentVerb = 'stop' | 'pause' | 'resume' | 'restart';

/** One order for each agent that was named; the first that fails ends it. */
export function orderAgents(verb: AgentVerb) {
  return async (context: Context, ids: string[]): Promise<void> => {
    const { client } = await openProject(context);
    const done: Agent[] = [];
    for (const id of ids) {
      const agent = await client.setAgent(id, verb).catch((error: unknown) => {
        throw withProgress(error, verb, done);
      });
      done.push(agent);
      context.output.line(`${agent.id}: ${verb} ordered (was ${agent.status})`);
      if (agent.granted !== undefined) context.output.line(`The budget was spent. Granted: ${agent.granted}.`);
    }
    context.output.document(done.length === 1 ? done[0] : { agents: done });
  };
}

/** Who of several has it already, so that the rest can be ordered alone. */
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
