import { isRunning } from '../lib/running.ts';
import { sleep, systemClock } from '../lib/clock.ts';
import type { ControlClient, NoticeListener } from './control-client.ts';
import { TmuxError } from './errors.ts';
import { plainFormat } from './quote.ts';
import {
  CLIENT_FORMAT,
  endingUnknown,
  paneFormat,
  PaneReader,
  parseClients,
  type ClientRow,
  type PaneRow,
} from './rows.ts';
import { connectServer, endServer, KEEPER, type ServerOptions } from './server.ts';

export interface TmuxOptions extends ServerOptions {
  /** User options of panes that `listPanes` returns, with the `@` (`@swarm_agent`). */
  paneOptions?: readonly string[] | undefined;
}

export interface NewSession {
  /** Letters, digits, `_` and `-`. */
  name: string;
  cwd: string;
  argv: readonly string[];
  env?: Readonly<Record<string, string>> | undefined;
  /** User options of the pane, set before any client can see it without them. */
  options?: Readonly<Record<string, string>> | undefined;
  /** Columns and rows while no client is attached (200 × 50). */
  width?: number | undefined;
  height?: number | undefined;
}

export interface CreatedSession {
  session: string;
  window: string;
  pane: string;
  panePid: number;
}

export interface CaptureOptions {
  /** Keep colours as escape sequences. */
  escapes?: boolean | undefined;
  /** Lines of history above the screen. */
  history?: number | undefined;
  /** A line that the screen has broken is one line. */
  joined?: boolean | undefined;
}

export type TmuxExit = { gone: 'server' | 'client'; error: TmuxError };

const COMMAND_MS = 5000;
const DEFAULT_OPTIONS = ['@swarm_agent'];
/** After a nudge the server needs a moment to wait for its child. */
const NUDGE_MS = 4;

/**
 * A private tmux server through one control client. When either is gone, open another: it takes over the living panes.
 */
export class Tmux implements AsyncDisposable {
  readonly serverPid: number;
  readonly version: string;
  readonly #client: ControlClient;
  readonly #options: TmuxOptions;
  readonly #paneFormat: string;
  readonly #panes: PaneReader;
  /** Panes whose ending no nudge reveals: their program closed its terminal and lives on. */
  readonly #silent = new Set<string>();
  readonly #exitListeners = new Set<(exit: TmuxExit) => void>();
  #closing = false;

  private constructor(options: TmuxOptions, client: ControlClient, serverPid: number, version: string) {
    this.#options = options;
    const paneOptions = options.paneOptions ?? DEFAULT_OPTIONS;
    this.#paneFormat = paneFormat(paneOptions);
    this.#panes = new PaneReader(paneOptions);
    this.#client = client;
    this.serverPid = serverPid;
    this.version = version;
    void client.ended.then((error) => this.#clientEnded(error));
  }

  /** Finds the server behind the socket or starts it. */
  static async open(options: TmuxOptions): Promise<Tmux> {
    const { client, pid, version } = await connectServer(options);
    return new Tmux(options, client, pid, version);
  }

  /** Runs any command that runs no others; words are passed unchanged. */
  async command(argv: readonly string[], timeoutMs = COMMAND_MS): Promise<string[]> {
    // Each command that these run gives an answer of its own, as if this client had asked.
    if (/^(source|if|run)/.test(argv[0] ?? '')) throw badArgument(`${argv[0]} would put the answers out of step`);
    const [lines = []] = await this.#client.run([argv], timeoutMs);
    return lines;
  }

  async newSession(wanted: NewSession): Promise<CreatedSession> {
    const { name, cwd, argv, env = {}, options = {}, width = 200, height = 50 } = wanted;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) throw badArgument(`"${name}" cannot be the name of a session`);
    const format = '#{session_id} #{window_id} #{pane_id} #{pane_pid}';
    const create = [
      'new-session',
      '-d',
      '-P',
      '-F',
      format,
      '-s',
      name,
      '-x',
      String(width),
      '-y',
      String(height),
      ...programArguments(argv, env, cwd),
    ];
    const set = Object.entries(options).map(([key, value]) => setPaneOption(`=${name}:`, key, value));
    const [[line = ''] = []] = await this.#client.run([create, ...set], COMMAND_MS);
    const [session = '', window = '', pane = '', pid] = line.split(' ');
    return { session, window, pane, panePid: Number(pid) };
  }

  /** Starts a program in a dead pane, which keeps its id and its options. Refused while the old one lives. */
  async respawnPane(
    pane: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
  ): Promise<{ panePid: number }> {
    const respawn = ['respawn-pane', '-t', pane, ...programArguments(argv, env, cwd)];
    const [, [pid] = []] = await this.#client.run(
      [respawn, ['display-message', '-p', '-t', pane, '#{pane_pid}']],
      COMMAND_MS,
    );
    return { panePid: Number(pid) };
  }

  /**
   * All panes but the keeper's. Where tmux is linked with libutempter a dying pane's SIGCHLD is often lost, and the
   * pane stays dead without an ending until another child dies: a SIGCHLD makes the server look.
   */
  async listPanes(): Promise<PaneRow[]> {
    let rows = await this.#readPanes();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const unknown = rows.filter((row) => endingUnknown(row) && !this.#silent.has(`${row.pane} ${row.pid}`));
      if (unknown.length === 0) return rows;
      if (isRunning(this.serverPid)) process.kill(this.serverPid, 'SIGCHLD');
      if (attempt > 0) await sleep(systemClock, NUDGE_MS);
      rows = await this.#readPanes();
    }
    for (const row of rows) if (endingUnknown(row)) this.#silent.add(`${row.pane} ${row.pid}`);
    return rows;
  }

  /** The screen as text, without the empty lines at its end. */
  async capturePane(
    pane: string,
    { escapes = false, history = 0, joined = false }: CaptureOptions = {},
  ): Promise<string> {
    const lines = await this.command([
      'capture-pane',
      '-p',
      '-t',
      pane,
      ...(escapes ? ['-e'] : []),
      ...(joined ? ['-J'] : []),
      ...(history > 0 ? ['-S', `-${history}`] : []),
    ]);
    return lines.join('\n').trimEnd();
  }

  /** The attached terminals of people. */
  async listClients(): Promise<ClientRow[]> {
    return parseClients(await this.command(['list-clients', '-F', CLIENT_FORMAT]));
  }

  /** Ends the session's programs with SIGHUP; the caller ends their trees. A session that is gone is no error. */
  async killSession(session: string): Promise<void> {
    try {
      await this.command(['kill-session', '-t', session]);
    } catch (error) {
      if (!(error instanceof TmuxError) || error.code !== 'tmux-no-target') throw error;
    }
  }

  /** A user option of a pane. */
  async setOption(pane: string, name: string, value: string): Promise<void> {
    await this.command(setPaneOption(pane, name, value));
  }

  /** Calls the listener once, within milliseconds, when the server or this client is gone unasked. */
  onExit(listener: (exit: TmuxExit) => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  /** Calls the listener for `sessions-changed` and the like: a reason to look again, nothing more. */
  onNotice(listener: NoticeListener): () => void {
    return this.#client.onNotice(listener);
  }

  /** Disconnects; the server goes on running. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#client.close();
  }

  /** Ends the server, proves it gone and removes the socket. */
  async killServer(): Promise<void> {
    await this.close();
    await endServer(this.#options, this.serverPid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readPanes(): Promise<PaneRow[]> {
    const lines = await this.command(['list-panes', '-a', '-F', this.#paneFormat]);
    return this.#panes.read(lines).filter(({ session }) => session !== KEEPER);
  }

  async #clientEnded(error: TmuxError): Promise<void> {
    if (this.#closing) return;
    // A killed process closes its sockets a moment before it is gone.
    for (let look = 0; look < 10 && isRunning(this.serverPid); look += 1) await sleep(systemClock, NUDGE_MS);
    const exit: TmuxExit = { gone: isRunning(this.serverPid) ? 'client' : 'server', error };
    for (const listener of this.#exitListeners) listener(exit);
  }
}

function programArguments(argv: readonly string[], env: Readonly<Record<string, string>>, cwd: string): string[] {
  if (argv.length === 0) throw badArgument('a pane needs a program');
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  // tmux would give a single word to a shell.
  const program = argv.length === 1 ? ['env', '--', ...argv] : argv;
  return ['-c', plainFormat(cwd), ...variables, '--', ...program];
}

/** Sets an option of a pane. Values come back in lines of fields parted by tabs, so neither may be in them. */
function setPaneOption(target: string, name: string, value: string): string[] {
  if (!/^@[a-z0-9_]+$/.test(name)) throw badArgument(`"${name}" is no user option`);
  if (/[\u0000-\u001f\u007f]/.test(value)) throw badArgument(`the value of ${name} holds a control character`);
  return ['set-option', '-p', '-t', target, name, value];
}

function badArgument(message: string): TmuxError {
  return new TmuxError('tmux-argument', message, { reached: 'no' });
}
