import type { FileChange } from '../../api/checkpoint-service.ts';
import type { Context } from '../project/context.ts';
import { oneLine, table, type Output } from '../say/output.ts';
import { printPatch } from '../say/patch.ts';
import { openProject } from '../project/project.ts';
import { countOf, sinceThen } from '../say/words.ts';

const MOST_FILES = 50;

export async function showCheckpoint(context: Context, agent: string, n: number): Promise<void> {
  const { client } = await openProject(context);
  const shown = await client.checkpointing.show(agent, n);
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

export async function diffCheckpoints(
  context: Context,
  agent: string,
  from: number,
  to: number | undefined,
  options: { stat?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const found = await client.checkpointing.diff(agent, from, to ?? null);
  const { output } = context;
  output.document(found);
  if (options.stat === true) for (const line of statLines(output, found.changed)) output.line(line);
  else printPatch(output, found.patch);
  if (found.changed.length === 0)
    output.note(
      `nothing differs between checkpoint ${from} and ${to === undefined ? 'the worktree' : `checkpoint ${to}`}`,
    );
}

function statLines(output: Output, changed: readonly FileChange[]): string[] {
  if (changed.length === 0) return [];
  const rows = changed
    .slice(0, MOST_FILES)
    .map(({ path, added, removed }) => [`+${added ?? '?'}`, `-${removed ?? '?'}`, path]);
  const more = changed.length - MOST_FILES;
  return [...table(output, ['ADDED', 'REMOVED', 'FILE'], rows), ...(more > 0 ? [`… and ${more} more`] : [])];
}
