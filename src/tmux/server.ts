import { isRunning } from '../lib/running.ts';
import { waitFor } from '../lib/wait.ts';
import { ControlClient, type NoticeListener } from './control-client.ts';
import { TmuxError } from './errors.ts';
import { runTmux, type TmuxAddress } from './one-shot.ts';
import { prepareSocket, removeSocket } from './socket.ts';

export interface ServerOptions extends TmuxAddress {
  /** Read once, by the server that this starts. */
  conf: string;
  /**
   * Environment of the server and by it of all panes, when this starts it. It must hold no mark of a process tree:
   * the server would be taken for a member and ended with it.
   */
  env: Readonly<Record<string, string | undefined>>;
}

/** Holds the control client, so that the server has a session whatever becomes of the agents'. */
export const KEEPER = '_keeper';

const START_MS = 10_000;
const DIE_MS = 3000;

export interface ServerConnection {
  client: ControlClient;
  pid: number;
  version: string;
}

/** Finds the server behind the socket, or starts it. */
export async function connectServer({ program, socket, conf, env }: ServerOptions): Promise<ServerConnection> {
  await prepareSocket(socket);
  const { TMUX: _server, TMUX_PANE: _pane, ...clean } = env;
  const client = new ControlClient({
    program,
    // -u: without it tmux replaces whatever is not ASCII. `cat` waits for input that never comes, and is everywhere.
    argv: ['-u', '-S', socket, '-f', conf, '-C', 'new-session', '-A', '-f', 'no-output,ignore-size', '-s', KEEPER, '-x', '80', '-y', '24', 'cat'],
    env: clean,
  });
  try {
    const [[answer = ''] = []] = await client.run([['display-message', '-p', '#{pid} #{version}']], START_MS);
    const [pid, version = ''] = answer.split(' ');
    return { client, pid: Number(pid), version };
  } catch (error) {
    await client.close();
    throw startFailure(await client.ended, program, error);
  }
}

function startFailure(ending: TmuxError, program: string, error: unknown): unknown {
  if ((ending.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    return new TmuxError('no-tmux', `tmux cannot be started as "${program}"`, { reached: 'no', cause: ending });
  }
  return error instanceof TmuxError && error.code === 'tmux-gone' ? ending : error;
}

/** Proves the server gone: asked, then told, then killed. Its panes' programs get a SIGHUP and are the caller's to end. */
export async function endServer(address: TmuxAddress, pid: number): Promise<void> {
  try {
    await runTmux(address, ['kill-server']);
  } catch (error) {
    if (!(error instanceof TmuxError)) throw error;
    // Gone already, or deaf: the pid decides.
  }
  for (const signal of [null, 'SIGTERM', 'SIGKILL'] as const) {
    if (signal !== null && isRunning(pid)) process.kill(pid, signal);
    if (await ends(pid)) {
      await removeSocket(address.socket);
      return;
    }
  }
  throw new TmuxError('tmux-stays', `the tmux server (pid ${pid}) does not end`, { reached: 'yes', hint: `Look at it with \`ps -p ${pid}\`.` });
}

async function ends(pid: number): Promise<boolean> {
  try {
    return await waitFor(() => !isRunning(pid), { timeoutMs: DIE_MS, intervalMs: 5, what: `tmux server ${pid} to end` });
  } catch (error) {
    if (isRunning(pid)) return false;
    throw error;
  }
}

export type { NoticeListener };
