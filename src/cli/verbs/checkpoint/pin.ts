import { Argument } from 'commander';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { whichCheckpoint } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const pin: Verb = {
  summary: 'keep a checkpoint for ever',
  arguments: [new Argument('<agent>'), whichCheckpoint()],
  run: pinCheckpoint(true),
};

export const unpin: Verb = {
  summary: 'let a checkpoint go when its time is over',
  arguments: [new Argument('<agent>'), whichCheckpoint()],
  run: pinCheckpoint(false),
};

function pinCheckpoint(pinned: boolean) {
  return async (context: Context, agent: string, n: number): Promise<void> => {
    const { client } = await openProject(context);
    context.output.document(await client.checkpoints.pin({ id: agent, n, pinned }));
    context.output.line(
      pinned ? `checkpoint ${n} of ${agent} stays for ever` : `checkpoint ${n} of ${agent} goes when its time is over`,
    );
  };
}
