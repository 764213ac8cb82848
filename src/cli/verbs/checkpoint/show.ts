import { Argument } from 'commander';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { oneLine } from '../../say/output.ts';
import { statLines } from '../../say/stat.ts';
import { countOf, sinceThen } from '../../say/words.ts';
import { whichCheckpoint } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const show: Verb = {
  summary: 'what a checkpoint holds and what it changed',
  arguments: [new Argument('<agent>'), whichCheckpoint()],
  run: showCheckpoint,
};

async function showCheckpoint(context: Context, agent: string, n: number): Promise<void> {
  const { client } = await openProject(context);
  const shown = await client.checkpoints.show({ id: agent, n });
  const { output } = context;
  output.document(shown);
  const about: [string, string | null][] = [
    ['taken', `${sinceThen(shown.at, Date.now())} (${shown.at})${shown.pinned ? ', pinned' : ''}`],
    ['reason', oneLine(shown.reason, 200)],
    ['task', shown.task === null ? null : `${shown.task}${shown.attempt === null ? '' : `, attempt ${shown.attempt}`}`],
    ['session', shown.sessionId],
    ['branch', shown.branch ?? 'none (detached HEAD)'],
    ['HEAD', shown.head?.slice(0, 12) ?? 'none (no commit yet)'],
    ['commit', shown.commit.slice(0, 12)],
    ['unfinished', shown.operationFiles.length === 0 ? null : shown.operationFiles.join(', ')],
    ['empty', shown.emptyDirectories.length === 0 ? null : shown.emptyDirectories.slice(0, 10).join(', ')],
  ];
  output.line(`checkpoint ${shown.n} of ${agent}`);
  for (const [name, value] of about) if (value !== null) output.line(`  ${name.padEnd(11)}${value}`);
  for (const warning of shown.warnings)
    output.line(`  ${output.style('yellow', 'warning')}    ${oneLine(warning, 300)}`);
  const since = shown.since === null ? 'HEAD' : `checkpoint ${shown.since}`;
  output.line(`${countOf(shown.changed.length, 'file')} changed since ${since}`);
  for (const line of statLines(output, shown.changed)) output.line(line);
}
