import type { SwarmClient } from '../../api/client.ts';
import { loadConfig } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { attachArgv } from '../../tmux/index.ts';
import { approvePrograms } from '../project/approve.ts';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';
import { giveTerminal } from './terminal.ts';

/** Gives the terminal to tmux until the person detaches. */
export async function attach(context: Context, agent: string): Promise<number> {
  const { client, layout } = await openProject(context);
  await sessionOf(client, agent);
  if (!context.interactive) {
    throw new SwarmError('no-terminal', 'attach needs a terminal', {
      hint: 'Run it in one, without --json and without a pipe.',
      exitCode: 2,
    });
  }
  const config = await loadConfig(layout.root);
  await approvePrograms(context, layout, config, false);
  return await attachTo(context, layout, client, agent, config.tmux.program);
}

/** The same, for a caller that has checked the terminal. @returns the exit code */
export async function attachTo(
  context: Pick<Context, 'env' | 'output'>,
  layout: ProjectLayout,
  client: Pick<SwarmClient, 'agents'>,
  agent: string,
  program: string,
): Promise<number> {
  const session = await sessionOf(client, agent);
  const insideTmux = (context.env['TMUX'] ?? '') !== '';
  const { argv, unset, wayBack } = attachArgv({ program, socket: layout.tmuxSocket, session, insideTmux });
  context.output.note(wayBack);
  const env = Object.fromEntries(Object.entries(context.env).filter(([name]) => !unset.includes(name)));
  return await giveTerminal(argv, env);
}

/** @throws SwarmError `no-session` */
async function sessionOf(client: Pick<SwarmClient, 'agents'>, agent: string): Promise<string> {
  const { session, status, reason } = await client.agents.show({ id: agent });
  if (session !== null) return session;
  throw new SwarmError(
    'no-session',
    `${agent} has no terminal now: it is ${status}${reason === null ? '' : ` (${reason})`}`,
    {
      hint: status === 'stopped' ? `Start it with \`swarm resume ${agent}\`.` : '`swarm status` shows when it has.',
    },
  );
}
