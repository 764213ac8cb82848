import { Argument, Option } from 'commander';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { oneLine } from '../../say/output.ts';
import { countOf } from '../../say/words.ts';
import type { Verb } from '../../verb/verb.ts';
import { diff } from './diff.ts';
import { drop, prune } from './drop.ts';
import { branch, restore } from './bring.ts';
import { ls } from './ls.ts';
import { pin, unpin } from './pin.ts';
import { show } from './show.ts';

/** Takes checkpoints, shows them, and brings back parts of them. */
export const verb: Verb = {
  summary: "take a checkpoint of an agent's worktree",
  arguments: [new Argument('<agent>')],
  options: [new Option('-m, --message <text>', 'why'), new Option('--pin', 'keep it for ever')],
  verbs: { ls, show, diff, restore, branch, pin, unpin, prune, drop },
  run: checkpoint,
};

async function checkpoint(
  context: Context,
  agent: string,
  options: { message?: string; pin?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const made = await client.checkpoints.take({ id: agent, reason: options.message });
  const taken = options.pin === true ? await client.checkpoints.pin({ id: agent, n: made.n }) : made;
  const { output } = context;
  output.document(taken);
  output.line(
    `${agent}: checkpoint ${taken.n} (${countOf(taken.files, 'changed file')}); back to it: ${output.command} rollback ${agent} ${taken.n}`,
  );
  for (const warning of taken.warnings) output.line(`${output.style('yellow', 'warning:')} ${oneLine(warning, 300)}`);
}
