import { Argument, Option } from 'commander';
import type { Context } from '../project/context.ts';
import { printPatch } from '../say/patch.ts';
import { openProject } from '../project/project.ts';
import { tellNotes } from '../say/words.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'show what a task changed',
  arguments: [new Argument('<task>')],
  options: [new Option('--stat', 'only which files, and how much')],
  run: diff,
};

async function diff(context: Context, task: string, options: { stat?: boolean }): Promise<void> {
  const { client } = await openProject(context);
  const document = await client.tasks.diff({ id: task });
  const { output } = context;
  output.document(document);
  const text = options.stat === true ? document.stat : document.patch;
  // The list of files is for people, and ends with a line break; a patch is printed unchanged.
  printPatch(output, options.stat === true && text !== '' && !output.isTerminal ? `${text}\n` : text);
  if (text === '') output.note(`task ${task} changed nothing`);
  tellNotes(output, document.notes);
}
