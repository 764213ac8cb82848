import { userInfo } from 'node:os';
import type { UndoDocument } from '../../api/documents.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import { makeDirectories } from '../project/directories.ts';
import type { Output } from '../say/output.ts';
import { placeForUp } from '../project/place.ts';
import { layoutOf, openProject } from '../project/project.ts';
import { doneLines, untilBack } from './rollback.ts';
import { ensureSupervisor } from '../project/supervise.ts';
import { sinceThen } from '../say/words.ts';

/** Also while nothing is up: after a `down --purge` there is nobody else to ask. */
export async function undo(context: Context, agent: string): Promise<void> {
  const { layout, client } = await openProject(context);
  const { output } = context;
  const done = await client.undo(agent).catch(async (error: unknown) => {
    if (!(error instanceof SwarmError) || error.code !== 'supervisor-down') throw error;
    await makeDirectories(await placeForUp(layoutOf(context.env, layout)), userInfo().uid);
    await ensureSupervisor(layout, context.env, output, context.interrupt.signal);
    return await client.undo(agent);
  });
  if (done.rollback !== null) await untilBack(context, client, agent);
  output.document(done);
  for (const line of undoLines(output, done)) output.line(line);
}

function undoLines(output: Output, { agent, kind, at, rollback, merge, restored }: UndoDocument): string[] {
  const when = sinceThen(at, Date.now());
  const lines = [`${agent}: the ${WORDS[kind]} of ${when} is taken back`];
  if (rollback !== null) lines.push(...doneLines(output, rollback));
  if (merge !== null) {
    lines.push(`${merge.into} is at ${merge.before.slice(0, 12)} again, without ${merge.task}`);
    lines.push(`To bring it in again: ${output.command} merge ${merge.task} --into ${merge.into}`);
  }
  if (restored !== null) {
    const n = restored.checkpoint;
    lines.push(n === null ? 'It had no checkpoint, and begins anew' : `${restored.worktree} is as in checkpoint ${n}`);
    lines.push(`It belongs to the swarm again: ${output.command} status`);
  }
  return lines;
}

const WORDS: Readonly<Record<UndoDocument['kind'], string>> = {
  rollback: 'rollback',
  merge: 'merge',
  rm: 'removal',
  purge: 'purge',
};
