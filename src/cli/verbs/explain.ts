import { Argument, Option } from 'commander';
import type { ExplainDocument } from '../../api/agents/schemas.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { Context } from '../project/context.ts';
import { historyLines } from '../say/history.ts';
import { plain, table, type Output } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'why an agent has its status: facts, their ages, and the rule',
  arguments: [new Argument('<agent>')],
  options: [new Option('--history', 'what its status was in the last 24 hours')],
  run: explain,
};

/** Prints the facts behind a status, the most trusted one first. */
async function explain(context: Context, agent: string, options: { history?: boolean } = {}): Promise<void> {
  const { client } = await openProject(context);
  if (options.history === true) {
    const history = await client.agents.history({ id: agent });
    context.output.document(history);
    for (const line of historyLines(context.output, history)) context.output.line(line);
    return;
  }
  const document = await client.agents.explain({ id: agent });
  context.output.document(document);
  for (const line of explainLines(context.output, document, Date.now())) context.output.line(line);
}

export function explainLines(output: Output, document: ExplainDocument, now: number): string[] {
  const { agent, status, since, rule, reason, until, facts } = document;
  const lasted = formatDuration(Math.max(0, now - Date.parse(since)));
  const why = reason === null ? '' : `: ${plain(reason)}`;
  const ends = until === null ? '' : ` (until ${until})`;
  const rows = facts.map(({ fact, value, ageMs }) => [
    fact,
    ageMs === null ? '' : `${formatDuration(ageMs)} ago`,
    plain(value),
  ]);
  return [
    `${agent} has been ${status} for ${lasted}${why}${ends}`,
    `rule: ${rule}`,
    '',
    ...table(output, ['FACT', 'KNOWN', 'VALUE'], rows),
  ];
}
