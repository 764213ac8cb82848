import { Argument, Option } from 'commander';
import type { RemovedDocument } from '../../api/reversible-work/schemas.ts';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'remove agents and their worktrees; what would lose work is kept',
  description:
    'Stops agents and removes their worktrees, each examined in that moment: work that is in no commit, stashes, submodules, locks and living processes keep it. Branches and checkpoints stay.',
  arguments: [new Argument('<agent...>')],
  options: [new Option('--force', 'move what is in no commit to a checkpoint first')],
  forPeople: true,
  run: rm,
};

/** Removes one agent after the other; one that is kept does not prevent the removal of the others. */
async function rm(context: Context, agents: string[], options: { force?: boolean }): Promise<void> {
  const { client } = await openProject(context);
  const { output } = context;
  const removed: RemovedDocument[] = [];
  const failed: unknown[] = [];
  for (const agent of new Set(agents)) {
    try {
      const done = await client.work.remove({ id: agent, force: options.force === true });
      removed.push(done);
      const worktree =
        done.checkpoint === null
          ? '; it had no worktree'
          : `, with ${done.worktree}; what was in it is checkpoint ${done.checkpoint}`;
      output.line(`${agent}: removed${worktree}; to undo: ${output.command} undo ${agent}`);
    } catch (error) {
      failed.push(error);
      if (agents.length > 1 && !output.json) output.error(error);
    }
  }
  if (failed.length === 0) {
    output.document(removed.length === 1 ? removed[0] : { removed });
    return;
  }
  if (agents.length === 1) throw failed[0];
  throw new SwarmError('not-all-removed', `${failed.length} of ${agents.length} agents were not removed`, {
    hint: removed.length === 0 ? undefined : `Removed: ${removed.map(({ agent }) => agent).join(', ')}.`,
    cause: failed[0],
  });
}
