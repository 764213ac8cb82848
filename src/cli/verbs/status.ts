import { belongingOf } from '../../store/place/belonging.ts';
import { buildNote } from '../project/build.ts';
import type { Context } from '../project/context.ts';
import { movedError } from '../project/moved.ts';
import { openProject } from '../project/project.ts';
import { readStatus, statusLines } from '../project/status.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = { summary: 'what every agent does, and what waits for you', run: status };

async function status(context: Context): Promise<void> {
  const project = await openProject(context);
  const document = await readStatus(project);
  context.output.document(document);
  const found = document.supervisor.state === 'down' ? belongingOf(project.layout) : null;
  if (found?.kind === 'moved') {
    const { message, hint } = movedError(found, project.layout);
    context.output.note(`note: ${message}. ${hint ?? ''}`);
  }
  const note = buildNote(document);
  if (note !== null) context.output.note(note);
  for (const line of statusLines(context.output, document, Date.now())) context.output.line(line);
}
