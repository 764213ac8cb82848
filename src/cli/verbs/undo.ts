import { Argument } from 'commander';
import type { UndoDocument } from '../../api/reversible-work/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import type { Output } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { doneLines, untilBack } from './rollback.ts';
import { sinceThen } from '../say/words.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'take back the last rollback, merge, rm or down --purge of an agent',
  arguments: [new Argument('<agent>')],
  forPeople: true,
  run: undo,
};

/**
 * Undoes swarm's newest operation on the agent's work. While swarm is down, as after a `down --purge`, a supervisor is
 * started for it.
 */
async function undo(context: Context, agent: string): Promise<void> {
  const { output } = context;
  let { client } = await openProject(context);
  const done = await client.work.undo({ id: agent }).catch(async (error: unknown) => {
    if (!(error instanceof SwarmError) || error.code !== 'supervisor-down') throw error;
    const { beginSupervisor } = await import('../up/begin.ts');
    client = await beginSupervisor(context);
    return await client.work.undo({ id: agent });
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
