import { Argument, Option } from 'commander';
import type { CheckpointDropDocument } from '../../../api/checkpoints/schemas.ts';
import { SwarmError } from '../../../domain/errors.ts';
import { ask } from '../../project/ask.ts';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { listNames } from '../../say/name-list.ts';
import { oneLine, type Output } from '../../say/output.ts';
import { countOf, sinceThen } from '../../say/words.ts';
import { checkpointNumber } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const prune: Verb = {
  summary: 'forget what `checkpoints.keep` no longer keeps; swarm does so by itself',
  arguments: [new Argument('[agent]')],
  options: [new Option('--dry-run', 'only say what would go')],
  forPeople: true,
  run: pruneCheckpoints,
};

export const drop: Verb = {
  summary: 'forget checkpoints, with --purge down to their contents',
  arguments: [
    new Argument('<agent>'),
    new Argument('<n...>', 'numbers of the checkpoints').argParser(each(checkpointNumber)),
  ],
  options: [
    new Option('--purge', 'remove what only they hold from the repository, for a secret that was captured'),
    new Option('-y, --yes', 'do not ask'),
  ],
  forPeople: true,
  run: dropCheckpoints,
};

/** Collects a variadic argument, which comes word by word. */
function each(parse: (text: string) => number) {
  return (text: string, before: number[] | undefined): number[] => [...(before ?? []), parse(text)];
}

async function pruneCheckpoints(
  context: Context,
  agent: string | undefined,
  options: { dryRun?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.checkpoints.prune({ agent, dryRun: options.dryRun });
  const { output } = context;
  output.document(done);
  const verb = done.dryRun ? 'would go' : done.removed.length === 1 ? 'is gone' : 'are gone';
  output.line(`${countOf(done.removed.length, 'checkpoint')} ${verb}, ${done.kept} stay`);
  const now = Date.now();
  listNames(
    output,
    done.removed.map(({ agent: owner, n, at, reason }) => `${owner} ${n} (${sinceThen(at, now)}): ${reason}`),
  );
  if (!done.dryRun && done.removed.length > 0) output.line('The disk space comes back with `git gc`.');
}

async function dropCheckpoints(
  context: Context,
  agent: string,
  numbers: number[],
  options: { purge?: boolean; yes?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const purge = options.purge === true;
  if (options.yes !== true) await confirm(context, agent, numbers, purge);
  const done = await client.checkpoints.drop({ id: agent, numbers, purge });
  context.output.document(done);
  context.output.line(`${agent}: ${countOf(done.dropped.length, 'checkpoint')} dropped (${done.dropped.join(', ')})`);
  if (done.purged !== null) reportPurge(context.output, done.purged);
}

async function confirm(context: Context, agent: string, numbers: readonly number[], purge: boolean): Promise<void> {
  const what = `checkpoint ${numbers.join(', ')} of ${agent}`;
  if (!context.interactive) {
    throw new SwarmError('not-confirmed', `${what} was not dropped: there is no terminal to confirm it on`, {
      hint: 'Say --yes where there is no terminal.',
      exitCode: 3,
    });
  }
  const how = purge ? 'for good, with all that only it holds' : 'and let git collect it';
  if (!/^y(es)?$/i.test(await ask(context, `Drop ${what} ${how}? [y/N] `)))
    throw new SwarmError('not-confirmed', `${what} was not dropped`, { exitCode: 3 });
}

function reportPurge(output: Output, purged: NonNullable<CheckpointDropDocument['purged']>): void {
  output.line(`${countOf(purged.objects, 'object')} removed from the repository`);
  for (const text of purged.remaining) output.line(text);
  const holders = new Map<string, Set<number>>();
  for (const { path, checkpoints } of purged.stillHeld) {
    output.line(`  ${oneLine(path, 100)} is still held by ${names(checkpoints)}`);
    for (const { agent, n } of checkpoints) holders.set(agent, (holders.get(agent) ?? new Set()).add(n));
  }
  for (const [agent, numbers] of holders) {
    const list = [...numbers].sort((a, b) => a - b).join(' ');
    output.line(`To remove it there too: ${output.command} checkpoint drop ${agent} ${list} --purge`);
  }
}

function names(checkpoints: readonly { agent: string; n: number }[]): string {
  const shown = checkpoints.slice(0, 10).map(({ agent, n }) => `${agent} ${n}`);
  return `${shown.join(', ')}${checkpoints.length > 10 ? ` and ${checkpoints.length - 10} more` : ''}`;
}
