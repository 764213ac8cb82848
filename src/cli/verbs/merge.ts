import { Argument, Option } from 'commander';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';
import { tellNotes } from '../say/words.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'bring the result of a task into a branch',
  arguments: [new Argument('<task>')],
  options: [new Option('--into <branch>', 'the branch; default: the base branch')],
  forPeople: true,
  run: merge,
};

async function merge(context: Context, task: string, options: { into?: string }): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.tasks.merge({ id: task, into: options.into });
  const { output } = context;
  output.document(done);
  output.line(
    done.merged
      ? `task ${done.task} is in ${done.into} (${done.before.slice(0, 8)} → ${done.after.slice(0, 8)}); to undo: git reset --keep ${done.before.slice(0, 12)} (on ${done.into})`
      : `${done.into} already holds task ${done.task}`,
  );
  tellNotes(output, done.notes);
}
