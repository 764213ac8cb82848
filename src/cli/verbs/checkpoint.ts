import type { CheckpointDocument } from '../../api/documents.ts';
import type { Context } from '../project/context.ts';
import { oneLine, table, type Output } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { readWhetherUp } from '../project/read-up-or-down.ts';
import { countOf, sinceThen } from '../say/words.ts';

export async function checkpoint(
  context: Context,
  agent: string,
  options: { message?: string; pin?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const made = await client.checkpoint(agent, options.message);
  const taken = options.pin === true ? await client.checkpointing.pin(agent, made.n, true) : made;
  const { output } = context;
  output.document(taken);
  output.line(
    `${agent}: checkpoint ${taken.n} (${countOf(taken.files, 'changed file')}); back to it: ${output.command} rollback ${agent} ${taken.n}`,
  );
  for (const warning of taken.warnings) output.line(`${output.style('yellow', 'warning:')} ${oneLine(warning, 300)}`);
}

export async function listCheckpoints(
  context: Context,
  agent: string | undefined,
  options: { all?: boolean },
): Promise<void> {
  const everyone = agent === undefined || options.all === true;
  const all = await readWhetherUp(
    context,
    (client) => (everyone ? client.checkpointing.all() : client.checkpoints(agent)),
    (rest) => rest.checkpoints(everyone ? null : agent),
  );
  const { output } = context;
  output.document(all);
  // A table of a thousand rows takes a while to lay out.
  if (output.json) return;
  const none = everyone ? 'there is no checkpoint yet' : `${agent} has no checkpoint yet`;
  output.line(all.length === 0 ? none : checkpointLines(output, all, everyone).join('\n'));
}

/** Newest first, of several agents one after the other. */
export function checkpointLines(output: Output, all: readonly CheckpointDocument[], everyone = false): string[] {
  const now = Date.now();
  const rows = all
    .toSorted((a, b) => (a.agent === b.agent ? b.n - a.n : a.agent < b.agent ? -1 : 1))
    .map(({ agent, n, at, files, task, reason, commit, pinned, warnings }) => [
      ...(everyone ? [agent] : []),
      `${n}${pinned ? ' pinned' : ''}`,
      sinceThen(at, now),
      String(files),
      task ?? '',
      commit.slice(0, 8),
      `${oneLine(reason, 70)}${warnings.length === 0 ? '' : ` (${countOf(warnings.length, 'warning')})`}`,
    ]);
  const header = [...(everyone ? ['AGENT'] : []), 'N', 'TAKEN', 'CHANGED', 'TASK', 'COMMIT', 'REASON'];
  return table(output, header, rows);
}
