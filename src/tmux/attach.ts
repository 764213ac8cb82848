import { clientProgram, type TmuxAddress } from './client-program.ts';

export interface AttachInput extends TmuxAddress {
  /** Name of the session: the agent's id. */
  session: string;
  /** The terminal is a pane of another tmux (`TMUX` is set). */
  insideTmux: boolean;
  /** Only look, without typing or changing the size. */
  readOnly?: boolean | undefined;
}

export interface AttachCommand {
  /** Command for a child that inherits the terminal. */
  argv: string[];
  /** Variables to remove for the child: with TMUX set, tmux refuses to attach inside itself. */
  unset: string[];
  /** How a person gets back. */
  wayBack: string;
}

export function attachArgv({ program, socket, session, insideTmux, readOnly = false }: AttachInput): AttachCommand {
  const look = readOnly ? ['-f', 'read-only,ignore-size'] : [];
  return {
    // `=` asks for the exact name: a bare one also finds sessions that begin with it.
    argv: [
      clientProgram({ program, socket }),
      '-N',
      '-u',
      '-S',
      socket,
      'attach-session',
      ...look,
      '-t',
      `=${session}`,
    ],
    unset: ['TMUX', 'TMUX_PANE'],
    wayBack: insideTmux
      ? 'Your own tmux takes the first prefix: press Ctrl-b Ctrl-b d to come back (or your prefix, then Ctrl-b d).'
      : 'Press Ctrl-b d to come back; the agent works on.',
  };
}
