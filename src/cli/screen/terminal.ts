import { errorText, SwarmError } from '../../domain/errors.ts';
import { handOver } from '../../process/run.ts';
import type { Context } from '../project/context.ts';

/** Whether there is a terminal on both sides that can do more than lines. */
export function canBePainted(context: Pick<Context, 'interactive' | 'env'>): boolean {
  return context.interactive && context.env['TERM'] !== 'dumb';
}

/** Gives the terminal to a program until it ends. @returns its exit code, 0 or 1 */
export async function giveTerminal(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Ctrl-C in the raw terminal is a key of the agent; one that reaches this process must not leave tmux alone.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    return (await handOver(argv, env)).exitCode === 0 ? 0 : 1;
  } catch (cause) {
    throw new SwarmError('no-tmux', `${argv[0] ?? 'tmux'} could not be started: ${errorText(cause)}`, {
      hint: 'Install tmux, or correct tmux.program in swarm.yaml.',
      cause,
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}
