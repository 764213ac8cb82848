import { Argument, Option } from 'commander';
import type { SwarmClient } from '../../api/client.ts';
import type { CheckpointDocument } from '../../api/checkpoints/schemas.ts';
import type { RollbackDocument, RollbackPlanDocument } from '../../api/reversible-work/schemas.ts';
import type { AgentStatus } from '../../domain/agent.ts';
import { SwarmError } from '../../domain/errors.ts';
import { waitFor } from '../../lib/wait.ts';
import { ask, confirm } from '../project/ask.ts';
import { checkpointLines } from '../say/checkpoint-table.ts';
import type { Context } from '../project/context.ts';
import { oneLine, plain, type Output } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { countOf, sinceThen } from '../say/words.ts';
import { checkpointNumber } from '../verb/values.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: "bring an agent's worktree and conversation back to a checkpoint",
  description:
    'Stops the agent, checkpoints what is there, and brings files, HEAD, branch and conversation back to a checkpoint; then the agent goes on from there. Ignored files stay.',
  arguments: [
    new Argument('<agent>'),
    new Argument('[n]', 'number of the checkpoint; asked for on a terminal').argParser(checkpointNumber),
  ],
  options: [
    new Option('--files-only', 'leave the conversation as it is'),
    new Option('--hold', 'let the agent wait afterwards, until `swarm resume`'),
    new Option('-y, --yes', 'do not ask'),
  ],
  forPeople: true,
  run: rollback,
};

const NAMED_FILES = 10;

interface Options {
  filesOnly?: boolean;
  hold?: boolean;
  yes?: boolean;
}

async function rollback(context: Context, agent: string, n: number | undefined, options: Options): Promise<void> {
  const { client } = await openProject(context);
  const { output } = context;
  const filesOnly = options.filesOnly === true;
  const hold = options.hold === true;
  const wanted = n ?? (await choose(context, client, agent, filesOnly));
  const plan = await client.work.plan({ id: agent, n: wanted, filesOnly });
  for (const line of planLines(plan, hold)) output.line(line);
  if (context.interactive && options.yes !== true && !(await confirm(context, 'Roll back?'))) {
    throw new SwarmError('not-confirmed', 'nothing was rolled back');
  }
  const done = await client.work.rollback({ id: agent, n: wanted, filesOnly, hold }).catch((error: unknown) => {
    throw error instanceof SwarmError && error.code === 'connection-lost' ? cutShort(agent, error) : error;
  });
  await untilBack(context, client, agent);
  output.document(done);
  for (const line of doneLines(output, done)) output.line(line);
}

/**
 * Waits until the agent is back, so that the next command reaches it. `status` shows an agent that is not back by then.
 */
export async function untilBack(context: Context, client: SwarmClient, agent: string): Promise<void> {
  const { signal } = context.interrupt;
  const back = async (): Promise<boolean> => !ON_ITS_WAY.has((await client.agents.show({ id: agent })).status);
  try {
    await waitFor(back, { timeoutMs: BACK_TIMEOUT_MS, signal, what: `${agent} to be back` });
  } catch (error) {
    if (!(error instanceof SwarmError)) throw error;
    context.output.note(`${agent} is not back yet; see \`swarm status\`.`);
  }
}

/** The error for a rollback that was cut short. It is in the journal: the next supervisor ends it. */
function cutShort(agent: string, cause: SwarmError): SwarmError {
  return new SwarmError('connection-lost', `the supervisor went away in the middle of the rollback of ${agent}`, {
    hint: `The next one ends it, or takes it back; \`swarm events --agent ${agent}\` tells. If none comes: \`swarm up\``,
    exitCode: 3,
    cause,
  });
}

const BACK_TIMEOUT_MS = 15_000;
const ON_ITS_WAY: ReadonlySet<AgentStatus> = new Set(['starting', 'recovering', 'stopping', 'unknown']);

/** The changes that the rollback will make. Pure, but for the age of the checkpoint. */
function planLines(plan: RollbackPlanDocument, hold: boolean): string[] {
  const { agent, n, reason, at, files, head, branch, conversation, task } = plan;
  const names = files.slice(0, NAMED_FILES).map(({ path }) => oneLine(path, 60));
  if (files.length > names.length) names.push('…');
  const facts: [string, string | null][] = [
    ['files', files.length === 0 ? 'as they are' : `${countOf(files.length, 'file')} changed: ${names.join(', ')}`],
    ['HEAD', head.from === head.to ? null : `${short(head.from)} → ${short(head.to)}`],
    ['branch', branch.from === branch.to ? null : `${branch.from ?? '(none)'} → ${branch.to ?? '(none)'}`],
    ['talk', conversationWords(conversation)],
    ['then', task === null ? (hold ? 'it waits' : null) : `${hold ? 'it waits with' : 'it goes on with'} ${task}`],
  ];
  return [
    `${agent} back to checkpoint ${n} (${oneLine(reason, 60)}, ${sinceThen(at, Date.now())}):`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(7)} ${value}`])),
  ];
}

function conversationWords({ how, why }: RollbackPlanDocument['conversation']): string | null {
  switch (how) {
    case 'cut':
      return 'back to the same point; what was said since stays in its own session';
    case 'fresh':
      return `begins anew: ${why ?? ''}`;
    case 'kept':
      return 'stays as it is';
    case 'none':
      return null;
  }
}

export function doneLines(output: Output, done: RollbackDocument): string[] {
  const { agent, n, safety, changed, warnings, conversation, held } = done;
  const swarm = output.command;
  const { how, why, before } = conversation;
  const fresh = how === 'fresh' ? [`Its conversation begins anew: ${why ?? ''}`] : [];
  const later = how === 'cut' || how === 'fresh' ? before : null;
  return [
    `${agent}: back at checkpoint ${n}, ${countOf(changed.length, 'file')} changed${how === 'cut' ? ', and the conversation' : ''}`,
    ...warnings.map((text) => `note: ${oneLine(text, 300)}`),
    ...fresh,
    ...(later === null ? [] : [`The later conversation is still there: claude --resume ${later}`]),
    ...(held ? [`It waits: ${swarm} resume ${agent}`] : []),
    `What was there before is checkpoint ${safety}; to undo: ${swarm} undo ${agent}`,
  ];
}

function short(commit: string | null): string {
  return commit?.slice(0, 12) ?? '(none)';
}

async function choose(context: Context, client: SwarmClient, agent: string, filesOnly: boolean): Promise<number> {
  const { output } = context;
  const all = await client.checkpoints.list({ id: agent });
  if (all.length === 0)
    throw new SwarmError('no-checkpoint', `${agent} has no checkpoint to go back to`, {
      hint: `\`swarm checkpoint ${agent}\` takes one.`,
    });
  if (!context.interactive) {
    throw new SwarmError('which-checkpoint', `which checkpoint of ${agent}?`, {
      hint: `Name its number: \`swarm rollback ${agent} N\`; \`swarm checkpoint ls ${agent}\` lists them.`,
      exitCode: 2,
    });
  }
  for (const line of checkpointLines(output, all)) output.line(line);
  for (;;) {
    const typed = await ask(context, 'Back to which number? (d N: what it would change; Enter: none) ');
    const asked = /^d\s*(\d+)$/.exec(typed)?.[1];
    if (asked === undefined) return chosen(agent, all, typed);
    try {
      output.line(
        plain((await client.work.plan({ id: agent, n: Number(asked), filesOnly })).patch) || 'no file differs',
      );
    } catch (error) {
      output.error(error);
    }
  }
}

function chosen(agent: string, all: readonly CheckpointDocument[], typed: string): number {
  const found = all.find(({ n }) => String(n) === typed);
  if (found !== undefined) return found.n;
  const message = typed === '' ? 'nothing was rolled back' : `${agent} has no checkpoint ${oneLine(typed, 20)}`;
  throw new SwarmError('which-checkpoint', message, { hint: `Run \`swarm rollback ${agent}\` again to choose.` });
}
