import type { CheckpointDocument } from '../api/documents.ts';
import { SwarmError } from '../domain/errors.ts';
import { ask } from './ask.ts';
import type { Context } from './context.ts';
import { oneLine, table, type Output } from './output.ts';
import { openProject } from './project.ts';
import { countOf, sinceThen } from './words.ts';

export async function checkpoint(context: Context, agent: string, options: { message?: string }): Promise<void> {
  const { client } = await openProject(context);
  const taken = await client.checkpoint(agent, options.message);
  context.output.document(taken);
  context.output.line(
    `${agent}: checkpoint ${taken.n} (${countOf(taken.files, 'changed file')}); back to it: ${context.output.command} rollback ${agent} ${taken.n}`,
  );
}

export async function listCheckpoints(context: Context, agent: string): Promise<void> {
  const { client } = await openProject(context);
  const all = await client.checkpoints(agent);
  context.output.document(all);
  for (const line of all.length === 0 ? [`${agent} has no checkpoint yet`] : checkpointLines(context.output, all))
    context.output.line(line);
}

/** Newest first. */
function checkpointLines(output: Output, all: readonly CheckpointDocument[]): string[] {
  const now = Date.now();
  const rows = all
    .toSorted((a, b) => b.n - a.n)
    .map(({ n, at, files, task, reason, commit }) => [
      String(n),
      sinceThen(at, now),
      String(files),
      task ?? '',
      commit.slice(0, 8),
      oneLine(reason, 70),
    ]);
  return table(output, ['N', 'TAKEN', 'CHANGED', 'TASK', 'COMMIT', 'REASON'], rows);
}

export async function rollback(context: Context, agent: string, n: number | undefined): Promise<void> {
  const { client } = await openProject(context);
  const { output } = context;
  const wanted = n ?? (await chooseCheckpoint(context, agent, await client.checkpoints(agent)));
  const done = await client.rollback(agent, wanted);
  output.document(done);
  output.line(`${agent}: back at checkpoint ${done.n}, ${countOf(done.changed.length, 'file')} changed`);
  for (const file of done.changed.slice(0, 20)) output.line(`  ${oneLine(file, 120)}`);
  if (done.changed.length > 20) output.line(`  … and ${done.changed.length - 20} more`);
  output.line(
    `What was there before is checkpoint ${done.safety}; to undo: ${output.command} rollback ${agent} ${done.safety}`,
  );
}

async function chooseCheckpoint(context: Context, agent: string, all: readonly CheckpointDocument[]): Promise<number> {
  if (all.length === 0) throw new SwarmError('no-checkpoint', `${agent} has no checkpoint to go back to`);
  if (!context.interactive) {
    throw new SwarmError('which-checkpoint', `which checkpoint of ${agent}?`, {
      hint: `Name its number: \`swarm rollback ${agent} N\`; \`swarm checkpoint ls ${agent}\` lists them.`,
      exitCode: 2,
    });
  }
  for (const line of checkpointLines(context.output, all)) context.output.line(line);
  const typed = await ask(context, 'Back to which number? (Enter: none) ');
  const found = all.find(({ n }) => String(n) === typed);
  if (found !== undefined) return found.n;
  const message = typed === '' ? 'nothing was rolled back' : `${agent} has no checkpoint ${oneLine(typed, 20)}`;
  throw new SwarmError('which-checkpoint', message, { hint: `Run \`swarm rollback ${agent}\` again to choose.` });
}
