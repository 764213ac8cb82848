import { Argument, Option } from 'commander';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { listNames } from '../../say/name-list.ts';
import { countOf } from '../../say/words.ts';
import { whichCheckpoint } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const restore: Verb = {
  summary: 'bring single files or directories back; what is there now is captured first',
  arguments: [new Argument('<agent>'), whichCheckpoint()],
  options: [new Option('--path <path...>', "files or directories, from the worktree's root").makeOptionMandatory()],
  forPeople: true,
  run: restoreFiles,
};

export const branch: Verb = {
  summary: 'make a branch with the files of a checkpoint',
  arguments: [new Argument('<agent>'), whichCheckpoint(), new Argument('<name>', 'of the new branch')],
  run: branchCheckpoint,
};

async function restoreFiles(context: Context, agent: string, n: number, { path }: { path: string[] }): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.checkpoints.restore({ id: agent, n, paths: path });
  const { output } = context;
  output.document(done);
  output.line(`${agent}: ${countOf(done.changed.length, 'file')} as in checkpoint ${done.n}`);
  listNames(output, done.changed);
  output.line(`What was there before is checkpoint ${done.safety}.`);
}

async function branchCheckpoint(context: Context, agent: string, n: number, name: string): Promise<void> {
  const { client } = await openProject(context);
  const made = await client.checkpoints.branch({ id: agent, n, name });
  context.output.document(made);
  context.output.line(
    `branch ${made.branch} is at ${made.commit.slice(0, 12)} (checkpoint ${n} of ${agent}); go there: git switch ${made.branch}`,
  );
}
