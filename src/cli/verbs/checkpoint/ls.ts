import { Argument, Option } from 'commander';
import type { Context } from '../../project/context.ts';
import { readWhetherUp } from '../../project/read-up-or-down.ts';
import { checkpointLines } from '../../say/checkpoint-table.ts';
import type { Verb } from '../../verb/verb.ts';

export const ls: Verb = {
  summary: 'list the checkpoints of an agent, or of all',
  arguments: [new Argument('[agent]')],
  options: [new Option('--all', 'of all agents, those that are gone too')],
  run: listCheckpoints,
};

async function listCheckpoints(context: Context, agent: string | undefined, options: { all?: boolean }): Promise<void> {
  const everyone = agent === undefined || options.all === true;
  const all = await readWhetherUp(
    context,
    (client) => (everyone ? client.checkpoints.all() : client.checkpoints.list({ id: agent })),
    (rest) => rest.checkpoints(everyone ? null : agent),
  );
  const { output } = context;
  output.document(all);
  // A table of a thousand rows takes a while to lay out.
  if (output.json) return;
  const none = everyone ? 'there is no checkpoint yet' : `${agent} has no checkpoint yet`;
  output.line(all.length === 0 ? none : checkpointLines(output, all, everyone).join('\n'));
}
