import type { Context } from '../project/context.ts';
import { printPatch } from '../say/patch.ts';
import { openProject } from '../project/project.ts';

export async function diff(context: Context, task: string, options: { stat?: boolean }): Promise<void> {
  const { client } = await openProject(context);
  const document = await client.diff(task);
  const { output } = context;
  output.document(document);
  const text = options.stat === true ? document.stat : document.patch;
  // The list of files is for people, and ends as a line does; a patch is given to the byte.
  printPatch(output, options.stat === true && text !== '' && !output.isTerminal ? `${text}\n` : text);
  if (text === '') output.note(`task ${task} changed nothing`);
}

export async function merge(context: Context, task: string, options: { into?: string }): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.merge(task, options.into);
  const { output } = context;
  output.document(done);
  output.line(
    done.merged
      ? `task ${done.task} is in ${done.into} (${done.before.slice(0, 8)} → ${done.after.slice(0, 8)}); to undo: git reset --keep ${done.before.slice(0, 12)} (on ${done.into})`
      : `${done.into} already holds task ${done.task}`,
  );
}
