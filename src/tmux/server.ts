import { sleep, systemClock } from '../lib/clock.ts';
import { isRunning } from '../lib/running.ts';
import { clientProgram, type TmuxAddress } from './client-program.ts';
import { ControlClient } from './control-client.ts';
import { TmuxError } from './errors.ts';
import { noTmux, runTmux } from './one-shot.ts';
import { listens, prepareSocket, removeSocket } from './socket.ts';

export interface ServerOptions extends TmuxAddress {
  /** Configuration file, read once, when this starts the server. */
  conf: string;
  /**
   * Environment of the server and by it of all panes, when this starts it. It must hold no mark of a process tree: the
   * server would be taken for a member and ended with it.
   */
  env: Readonly<Record<string, string | undefined>>;
}

/** Name of the session that holds the control client, so that the server has a session even without agents. */
export const KEEPER = '_keeper';

const START_MS = 10_000;
/** Longest time of each step towards the end of a server. */
const STEP_MS = 2000;
const LOOK_MS = 5;

export interface ServerConnection {
  client: ControlClient;
  pid: number;
  version: string;
}

/** Finds the server behind the socket, or starts it. */
export async function connectServer({ program, socket, conf, env }: ServerOptions): Promise<ServerConnection> {
  const lives = await prepareSocket(socket);
  const { TMUX: _server, TMUX_PANE: _pane, ...clean } = env;
  const speaks = lives ? clientProgram({ program, socket }) : program;
  const client = openClient({ program, socket, conf, env: clean }, speaks);
  try {
    await client.attached(START_MS);
    const [[answer = ''] = []] = await client.run([['display-message', '-p', '#{pid} #{version}']], START_MS);
    const [pid, version = ''] = answer.split(' ');
    return { client, pid: Number(pid), version };
  } catch (error) {
    await client.close();
    throw startFailure(await client.ended, program, error);
  }
}

/** @throws TmuxError `no-tmux` */
function openClient({ program, socket, conf, env }: ServerOptions, speaks: string): ControlClient {
  try {
    return new ControlClient({
      program: speaks,
      // -u: without it tmux replaces characters that are not ASCII. `cat` waits for input that never comes, and is
      // everywhere.
      argv: [
        '-u',
        '-S',
        socket,
        '-f',
        conf,
        '-C',
        'new-session',
        '-A',
        '-f',
        'no-output,ignore-size',
        '-s',
        KEEPER,
        '-x',
        '80',
        '-y',
        '24',
        'cat',
      ],
      env,
    });
  } catch (error) {
    throw noTmux(program, error) ?? error;
  }
}

function startFailure(ending: TmuxError, program: string, error: unknown): unknown {
  const missing = noTmux(program, ending.cause);
  if (missing !== null) return missing;
  return error instanceof TmuxError && error.code === 'tmux-gone' ? ending : error;
}

/**
 * Ends a server and proves it gone, by kill-server, SIGTERM and SIGKILL in turn. Its panes' programs get a SIGHUP, and
 * the caller ends them. A newer server that has taken over the socket is not touched.
 */
export async function endServer(address: TmuxAddress, pid: number): Promise<void> {
  const steps = [() => ask(address, pid), () => tell(pid, 'SIGTERM'), () => tell(pid, 'SIGKILL')];
  for (const step of steps) {
    if (!isRunning(pid)) break;
    await step();
  }
  if (isRunning(pid)) {
    throw new TmuxError('tmux-stays', `the tmux server (pid ${pid}) does not end`, {
      reached: 'yes',
      hint: `Look at it with \`ps -p ${pid}\`.`,
    });
  }
  if (!(await listens(address.socket))) await removeSocket(address.socket);
}

async function ask(address: TmuxAddress, pid: number): Promise<void> {
  try {
    await runTmux(address, ['kill-server'], { timeoutMs: STEP_MS });
  } catch (error) {
    // It does not answer, or is gone: the pid decides.
    if (error instanceof TmuxError) return;
    throw error;
  }
  await ended(pid);
}

async function tell(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  // A stopped server acts on SIGTERM only when it goes on.
  if (signal !== 'SIGKILL') process.kill(pid, 'SIGCONT');
  await ended(pid);
}

/** Returns when the process has ended, or after a while. */
async function ended(pid: number): Promise<void> {
  const deadline = performance.now() + STEP_MS;
  while (isRunning(pid) && performance.now() < deadline) await sleep(systemClock, LOOK_MS);
}
