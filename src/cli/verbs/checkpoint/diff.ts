import { Argument, Option } from 'commander';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { printPatch } from '../../say/patch.ts';
import { statLines } from '../../say/stat.ts';
import { checkpointNumber } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const diff: Verb = {
  summary: 'what changed from one checkpoint to another, or to the worktree now',
  arguments: [
    new Argument('<agent>'),
    new Argument('<a>', 'number of a checkpoint').argParser(checkpointNumber),
    new Argument('[b]', 'number of another; without it: the files as they are now').argParser(checkpointNumber),
  ],
  options: [new Option('--stat', 'only which files, and how much')],
  run: diffCheckpoints,
};

async function diffCheckpoints(
  context: Context,
  agent: string,
  from: number,
  to: number | undefined,
  options: { stat?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const found = await client.checkpoints.diff({ id: agent, n: from, to });
  const { output } = context;
  output.document(found);
  if (options.stat === true) for (const line of statLines(output, found.changed)) output.line(line);
  else printPatch(output, found.patch);
  if (found.changed.length === 0)
    output.note(
      `nothing differs between checkpoint ${from} and ${to === undefined ? 'the worktree' : `checkpoint ${to}`}`,
    );
}
