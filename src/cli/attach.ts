import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadConfig } from '../config/index.ts';
import { SwarmError } from '../domain/errors.ts';
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
  const { tmux } = await loadConfig(layout.root);
  context.output.note(`attached to ${agent}; leave it with Ctrl-b d`);
  return await runTmux(tmux.program, ['-S', layout.tmuxSocket, 'attach-session', '-t', `=${agent}`], context.env);
}

async function runTmux(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Inside another tmux the program refuses to nest; ours is another server, so it may.
  const { TMUX: _tmux, TMUX_PANE: _pane, ...rest } = env;
  const child = spawn(program, args, { stdio: 'inherit', env: rest });
  // Ctrl-C in the raw terminal is a key of the agent; one that reaches us must not leave tmux alone.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0 ? 0 : 1;
  } catch (cause) {
    throw new SwarmError('tmux-missing', `${program} could not be started: ${String(cause)}`, { hint: 'Install tmux 3.2 or newer.', cause });
  } finally {
    process.off('SIGINT', ignore);
  }
}
