import type { Agent } from '../../api/agents/schemas.ts';
import { loadConfig } from '../../config/index.ts';
import { errorText, SwarmError } from '../../domain/errors.ts';
import { attachArgv, runTmux, type TmuxAddress } from '../../tmux/index.ts';
import { approvePrograms } from '../project/approve.ts';
import { giveTerminal } from './terminal.ts';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';

/** Key table of the grid: without the person's prefix, since no text is typed here. */
const KEY_TABLE = 'swarm-grid';
const WAY_BACK = 'q or Ctrl-b d';

/** Shows all terminals of the agents at once until the person leaves. */
export async function grid(context: Context): Promise<number> {
  const { client, layout } = await openProject(context);
  const agents = (await client.agents.list()).filter((agent) => agent.session !== null);
  if (agents.length === 0) {
    throw new SwarmError('no-session', 'no agent has a terminal now', { hint: '`swarm status` shows what they do.' });
  }
  if (!context.interactive) {
    throw new SwarmError('no-terminal', 'grid needs a terminal', {
      hint: 'Run it in one, without --json and without a pipe.',
      exitCode: 2,
    });
  }
  const config = await loadConfig(layout.root);
  await approvePrograms(context, layout, config, false);
  const address: TmuxAddress = { program: config.tmux.program, socket: layout.tmuxSocket };
  // A name that no agent has, and one for each terminal with a grid.
  const session = `_grid-${process.pid}`;
  const { signal } = context.interrupt;
  try {
    await tile(address, session, agents, context.output.stdout, signal);
    const { argv, unset } = attachArgv({ ...address, session, insideTmux: false, readOnly: true });
    const env = Object.fromEntries(Object.entries(context.env).filter(([name]) => !unset.includes(name)));
    // When this process is killed, its terminal goes, and with its last client the grid.
    return await giveTerminal([...argv, ';', 'set-option', '-t', session, 'destroy-unattached', 'on'], env);
  } finally {
    await endGrid(address, session);
  }
}

/** Makes a window with one pane for each agent, each a read-only client of the agent's session. */
async function tile(
  address: TmuxAddress,
  session: string,
  agents: readonly Agent[],
  { columns, rows }: { columns: number; rows: number },
  signal: AbortSignal,
): Promise<void> {
  const size = ['-x', String(columns), '-y', String(rows)];
  for (const [at, agent] of agents.entries()) {
    const { argv } = attachArgv({ ...address, session: agent.session ?? agent.id, insideTmux: true, readOnly: true });
    // With TMUX set tmux does not run inside itself; TERM makes the status line show the way back. tmux sets both for
    // each pane, whatever `new-session -e` says.
    const pane = ['env', 'TMUX=', 'TERM=xterm-256color', ...argv];
    const where =
      at === 0 ? ['new-session', '-d', '-s', session, ...size] : ['split-window', '-d', '-t', `=${session}:`];
    await runTmux(address, [...where, ...pane], { signal }).catch((cause: unknown) => {
      throw new SwarmError(
        'no-room',
        `${agents.length} terminals do not fit on ${columns}×${rows}: ${errorText(cause)}`,
        {
          hint: 'Make the terminal larger, or look at one with `swarm attach`.',
          cause,
        },
      );
    });
    // After each pane, so that there is room for the next split.
    await runTmux(address, ['select-layout', '-t', `=${session}:`, 'tiled'], { signal });
  }
  const set = (name: string, value: string): string[] => ['set-option', '-t', session, name, value, ';'];
  await runTmux(
    address,
    [
      ...set('status-left', `#[bold] swarm grid #[nobold] ${agents.length} agents, to look at `),
      ...set('status-left-length', '60'),
      ...set('status-right', ` back: ${WAY_BACK} `),
      ...set('key-table', KEY_TABLE),
      // Keys that come within a millisecond would count as pasted text, and the way back with them.
      ...set('assume-paste-time', '0'),
      // A tile is closed when its session ends.
      'set-option',
      '-w',
      '-t',
      `=${session}:`,
      'remain-on-exit',
      'off',
      ';',
      'bind-key',
      '-T',
      KEY_TABLE,
      'q',
      'detach-client',
      ';',
      'bind-key',
      '-T',
      KEY_TABLE,
      'Escape',
      'detach-client',
    ],
    { signal },
  );
}

/** Ends the grid; the agents' sessions go on. */
async function endGrid(address: TmuxAddress, session: string): Promise<void> {
  // An error means that it is gone: the person left it, or its server ended.
  await runTmux(address, ['kill-session', '-t', `=${session}`]).catch(() => undefined);
}
