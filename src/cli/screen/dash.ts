import type { StatusDocument } from '../../api/status/schemas.ts';
import { loadConfig } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { approvePrograms } from '../project/approve.ts';
import { attachTo } from './attach.ts';
import { refuseInsideAgent, type Context } from '../project/context.ts';
import { oneLine } from '../say/output.ts';
import { connectTo, located, openProject } from '../project/project.ts';
import { canBePainted } from './terminal.ts';

/** Longer than a busy supervisor needs; after it the dashboard shows that the supervisor is away, and asks again. */
const ANSWER_TIMEOUT_MS = 5_000;

export async function dash(context: Context, options: { plain?: boolean }): Promise<void> {
  const { client, layout } = await openProject(context);
  if (options.plain === true || !canBePainted(context)) {
    // A supervisor must answer at the beginning; later it may come and go.
    await client.status.show();
    await follow(context, layout);
    return;
  }
  refuseInsideAgent(context.env, 'the dashboard');
  // Side by side: one waits for the supervisor, the other for the disk.
  const [first] = await Promise.all([client.status.show(), import('../../dashboard/open.tsx')]);
  await showDashboard(context, layout, first);
}

/** Takes the whole terminal until the person leaves; the agents work on. */
export async function showDashboard(context: Context, layout: ProjectLayout, first: StatusDocument): Promise<void> {
  const { openDashboard } = await import('../../dashboard/open.tsx');
  const client = connectTo(layout, { timeoutMs: ANSWER_TIMEOUT_MS });
  await openDashboard({
    client,
    first,
    attach: (agent) => attachFrom(context, layout, client, agent),
    stdin: context.stdin,
    stdout: context.output.stdout,
    signal: context.interrupt.signal,
  });
  context.interrupt.signal.throwIfAborted();
}

async function attachFrom(
  context: Context,
  layout: ProjectLayout,
  client: Parameters<typeof attachTo>[2],
  agent: string,
): Promise<void> {
  const config = await loadConfig(layout.root);
  await approvePrograms(context, layout, config, false);
  const exitCode = await attachTo(context, await located(layout), client, agent, config.tmux.program);
  if (exitCode !== 0)
    throw new SwarmError('attach-failed', `tmux could not show ${agent}`, {
      hint: 'Its terminal may have just ended.',
    });
}

async function follow(context: Context, layout: ProjectLayout): Promise<void> {
  const { followChanges } = await import('../../dashboard/plain.ts');
  const { output, interrupt } = context;
  const client = connectTo(layout, { timeoutMs: ANSWER_TIMEOUT_MS, signal: interrupt.signal });
  await followChanges(
    client,
    (change) => {
      if (output.json) output.stdout.write(`${JSON.stringify(change)}\n`);
      else
        output.line(`${new Date(change.at).toTimeString().slice(0, 8)} ${oneLine(change.subject, 40)} ${change.text}`);
    },
    interrupt.signal,
  );
  interrupt.signal.throwIfAborted();
}
