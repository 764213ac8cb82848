import type { CheckpointDropDocument } from '../../api/checkpoint-service.ts';
import { SwarmError } from '../../domain/errors.ts';
import { ask } from '../project/ask.ts';
import type { Context } from '../project/context.ts';
import { oneLine, type Output } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { countOf, sinceThen } from '../say/words.ts';

const MOST_NAMES = 20;

export async function restoreFiles(
  context: Context,
  agent: string,
  n: number,
  { path }: { path: string[] },
): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.checkpointing.restore(agent, n, path);
  const { output } = context;
  output.document(done);
  output.line(`${agent}: ${countOf(done.changed.length, 'file')} as in checkpoint ${done.n}`);
  some(output, done.changed);
  output.line(`What was there before is checkpoint ${done.safety}.`);
}

export async function branchCheckpoint(context: Context, agent: string, n: number, name: string): Promise<void> {
  const { client } = await openProject(context);
  const made = await client.checkpointing.branch(agent, n, name);
  context.output.document(made);
  context.output.line(
    `branch ${made.branch} is at ${made.commit.slice(0, 12)} (checkpoint ${n} of ${agent}); go there: git switch ${made.branch}`,
  );
}

export function pinCheckpoint(pinned: boolean) {
  return async (context: Context, agent: string, n: number): Promise<void> => {
    const { client } = await openProject(context);
    context.output.document(await client.checkpointing.pin(agent, n, pinned));
    context.output.line(
      pinned ? `checkpoint ${n} of ${agent} stays for ever` : `checkpoint ${n} of ${agent} goes when its time is over`,
    );
  };
}

export async function pruneCheckpoints(
  context: Context,
  agent: string | undefined,
  options: { dryRun?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.checkpointing.prune(agent, options.dryRun === true);
  const { output } = context;
  output.document(done);
  const verb = done.dryRun ? 'would go' : done.removed.length === 1 ? 'is gone' : 'are gone';
  output.line(`${countOf(done.removed.length, 'checkpoint')} ${verb}, ${done.kept} stay`);
  const now = Date.now();
  some(
    output,
    done.removed.map(({ agent: owner, n, at, reason }) => `${owner} ${n} (${sinceThen(at, now)}): ${reason}`),
  );
  if (!done.dryRun && done.removed.length > 0) output.line('The disk space comes back with `git gc`.');
}

export async function dropCheckpoints(
  context: Context,
  agent: string,
  numbers: number[],
  options: { purge?: boolean; yes?: boolean },
): Promise<void> {
  const { client } = await openProject(context);
  const purge = options.purge === true;
  if (options.yes !== true) await confirm(context, agent, numbers, purge);
  const done = await client.checkpointing.drop(agent, numbers, purge);
  context.output.document(done);
  context.output.line(`${agent}: ${countOf(done.dropped.length, 'checkpoint')} dropped (${done.dropped.join(', ')})`);
  if (done.purged !== null) reportPurge(context.output, done.purged);
}

async function confirm(context: Context, agent: string, numbers: readonly number[], purge: boolean): Promise<void> {
  const what = `checkpoint ${numbers.join(', ')} of ${agent}`;
  if (!context.interactive) {
    throw new SwarmError('not-confirmed', `${what} was not dropped: nobody is here to confirm it`, {
      hint: 'Say --yes where nobody can be asked.',
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

function some(output: Output, lines: readonly string[]): void {
  for (const line of lines.slice(0, MOST_NAMES)) output.line(`  ${oneLine(line, 120)}`);
  if (lines.length > MOST_NAMES) output.line(`  … and ${lines.length - MOST_NAMES} more`);
}
