import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadConfig } from '../config/index.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { attachArgv } from '../tmux/index.ts';
import { approveConfig } from './approve.ts';
import type { Context } from './context.ts';
import { openProject } from './project.ts';

/** Hands the terminal to tmux until the person detaches. */
export async function attach(context: Context, agent: string): Promise<number> {
  const { client, layout } = await openProject(context);
  const { session, status, reason } = await client.agent(agent);
  if (session === null) {
    throw new SwarmError('no-session', `${agent} has no terminal now: it is ${status}${reason === null ? '' : ` (${reason})`}`, {
      hint: status === 'stopped' ? `Start it with \`swarm resume ${agent}\`.` : '`swarm status` shows when it has.',
    });
  }
  if (!context.interactive) {
    throw new SwarmError('no-terminal', 'attach needs a terminal', { hint: 'Run it in one, without --json and without a pipe.', exitCode: 2 });
  }
  const config = await loadConfig(layout.root);
  await approveConfig(context, layout, config, false);
  const insideTmux = (context.env['TMUX'] ?? '') !== '';
  const { argv, unset, wayBack } = attachArgv({ program: config.tmux.program, socket: layout.tmuxSocket, session: agent, insideTmux });
  context.output.note(wayBack);
  const env = Object.fromEntries(Object.entries(context.env).filter(([name]) => !unset.includes(name)));
  return await handOver(argv, env);
}

async function handOver([program = 'tmux', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env });
  // Ctrl-C in the raw terminal is a key of the agent; one that reaches us must not leave tmux alone.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0 ? 0 : 1;
  } catch (cause) {
    throw new SwarmError('no-tmux', `${program} could not be started: ${errorText(cause)}`, { hint: 'Install tmux, or correct tmux.program in swarm.yaml.', cause });
  } finally {
    process.off('SIGINT', ignore);
  }
}
