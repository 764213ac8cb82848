import { environmentFor } from '../../domain/environment.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { isThere } from '../../lib/running.ts';
import { identityOf } from '../../process/index.ts';
import { serverOf } from '../../tmux/client-program.ts';
import { TmuxError } from '../../tmux/errors.ts';
import { Tmux, type PaneRow } from '../../tmux/index.ts';
import { endServer } from '../../tmux/server.ts';
import { listens } from '../../tmux/socket.ts';
import type { PaneView } from '../project/agent-record.ts';
import { lostServer } from './lost-server.ts';
import type { Project } from '../project/project.ts';

export interface TmuxHostDeps {
  /** Connects to the project's server, starting one if there is none. */
  open(): Promise<Tmux>;
  /** True while a server answers on the project's socket. */
  serverLives(): Promise<boolean>;
  /** Pid of a server of this project that lives while its socket is gone; null: there is none. */
  lostServer(): number | null;
  /** Ends the server behind the socket without a word to it. @returns false where it cannot be told which it is */
  endUnheard(): Promise<boolean>;
  /** @param linked the agent's wrapper holds its link now */
  processLives(pid: number, linked: boolean): boolean;
  project: string;
  /** The server or this supervisor's client of it went away. */
  onGone(): void;
}

/** User options that mark the project's panes on the tmux server. */
export const AGENT_OPTION = '@swarm_agent';
export const PROJECT_OPTION = '@swarm_project';
/** Shown by tmux.conf in the status line. */
const LABEL_OPTION = '@swarm_task';
const ALERTS_OPTION = '@swarm_alerts';

/** How long tmux may take to notice that a pane's program is gone. */
const SETTLE_LOOKS = 200;
const SETTLE_LOOK_MS = 10;

/** The project's tmux server through one control client, opened again when either dies. */
export class TmuxHost {
  readonly #deps: TmuxHostDeps;
  #tmux: Tmux | null = null;
  #opening: Promise<Tmux> | null = null;
  readonly #labels = new Map<string, string>();
  /** Views by row: an unchanged row gives the same view. */
  readonly #views = new WeakMap<PaneRow, PaneView>();
  #alerts = 0;
  /** A lost server was looked for since the last connection, and not found. */
  #nothingLost = false;

  constructor(deps: TmuxHostDeps) {
    this.#deps = deps;
  }

  get serverPid(): number | null {
    return this.#tmux?.serverPid ?? null;
  }

  /** The connection, made when there is none; starts a server where none lives. */
  async connect(): Promise<Tmux> {
    if (this.#tmux !== null) return this.#tmux;
    this.#opening ??= this.#serverLives()
      .then(() => this.#deps.open())
      .then((tmux) => {
        this.#tmux = tmux;
        this.#nothingLost = false;
        if (this.#alerts > 0) this.#showAlerts();
        tmux.onExit(() => {
          if (this.#tmux !== tmux) return;
          this.#tmux = null;
          this.#labels.clear();
          this.#deps.onGone();
        });
        return tmux;
      })
      .finally(() => {
        this.#opening = null;
      });
    return await this.#opening;
  }

  /**
   * True while a server answers. One whose socket was removed, as by a cleaner of temporary files, makes it anew at a
   * signal: taken for gone, all its panes would be ended and started again.
   * @throws while it lives and does not answer
   */
  async #serverLives(): Promise<boolean> {
    const { serverLives, lostServer } = this.#deps;
    if (await serverLives()) return true;
    const pid = this.#nothingLost ? null : lostServer();
    this.#nothingLost = pid === null;
    if (pid === null) return false;
    process.kill(pid, 'SIGUSR1');
    for (let look = 0; look < SETTLE_LOOKS; look += 1) {
      if (await serverLives()) return true;
      await sleep(systemClock, SETTLE_LOOK_MS);
    }
    throw new Error(`the tmux server (pid ${pid}) lives, but its socket is gone`);
  }

  /**
   * Panes by agent. Empty where no server lives, which is a fact. A server that lives and does not answer gives no
   * fact: then it throws.
   * @param linked whether the agent's wrapper holds its link now
   */
  async look(linked: (agent: string) => boolean = () => false): Promise<Map<string, PaneView>> {
    if (this.#tmux === null && this.#opening === null && !(await this.#serverLives())) return new Map();
    const tmux = await this.connect();
    const views = new Map<string, PaneView>();
    for (const row of await this.#panesOf(tmux)) {
      const agent = row.options[AGENT_OPTION];
      if (agent === undefined || row.options[PROJECT_OPTION] !== this.#deps.project) continue;
      // tmux waits until no process holds the terminal; a wrapper whose children outlive it is dead all the same.
      const dead = row.dead || row.pid === null || !this.#deps.processLives(row.pid, linked(agent));
      views.set(agent, this.#viewOf(row, dead));
    }
    return views;
  }

  #viewOf(row: PaneRow, dead: boolean): PaneView {
    const known = this.#views.get(row);
    if (known?.dead === dead) return known;
    const { pane, session, pid, deadStatus: status, deadSignal: signal, clients } = row;
    const view = { pane, session, pid, dead, status, signal, clients };
    this.#views.set(row, view);
    return view;
  }

  /** Reads the panes. A client that turns out to be dead is dropped, so that the next look opens another. */
  async #panesOf(tmux: Tmux): ReturnType<Tmux['listPanes']> {
    try {
      return await tmux.listPanes();
    } catch (error) {
      if (error instanceof TmuxError && error.code === 'tmux-gone' && this.#tmux === tmux) this.#tmux = null;
      throw error;
    }
  }

  /** Starts `argv` in the agent's dead pane, so that its viewers stay, or in a new session. */
  async run(
    agent: string,
    known: PaneView | null,
    { argv, cwd, env }: { argv: string[]; cwd: string; env: Record<string, string> },
  ): Promise<void> {
    const tmux = await this.connect();
    if (known !== null && (await this.#settled(tmux, agent, known.pane))) {
      await tmux.respawnPane(known.pane, argv, env, cwd);
      return;
    }
    const options = { [AGENT_OPTION]: agent, [PROJECT_OPTION]: this.#deps.project };
    const session = { name: agent, argv, cwd, env, options };
    try {
      await tmux.newSession(session);
    } catch (error) {
      if (!(error instanceof TmuxError) || error.code !== 'tmux-duplicate') throw error;
      // Windows of a person's own in the agent's session outlive its pane: they keep their session, under another name.
      await tmux.command(['rename-session', '-t', `=${agent}`, `${agent}-left-${Date.now().toString(36)}`]);
      await tmux.newSession(session);
    }
  }

  /**
   * True once tmux itself knows that the agent's pane is dead; false when there is no such pane. A new server counts
   * its panes from the beginning: the same number may be another agent's.
   */
  async #settled(tmux: Tmux, agent: string, pane: string): Promise<boolean> {
    for (let look = 0; look < SETTLE_LOOKS; look += 1) {
      const row = (await tmux.listPanes()).find((candidate) => candidate.pane === pane);
      if (row === undefined || row.options[AGENT_OPTION] !== agent) return false;
      if (row.dead) return true;
      await sleep(systemClock, SETTLE_LOOK_MS);
    }
    throw new Error(`tmux still shows ${pane} alive, although its program is gone`);
  }

  /**
   * Sets the text of the pane's status line beside the agent's name; sent only when it changes, and never waited for.
   */
  labelled(known: PaneView | null, text: string): void {
    if (this.#tmux === null || known === null || known.dead || this.#labels.get(known.pane) === text) return;
    this.#labels.set(known.pane, text);
    // A pane that has gone meanwhile needs no label; the next one gets its own.
    this.#tmux.setOption(known.pane, LABEL_OPTION, text).catch(() => this.#labels.delete(known.pane));
  }

  /** Sets the text about open alerts in every status line; sent only when it changes, and never waited for. */
  alerts(count: number): void {
    this.#alerts = count;
    this.#showAlerts();
  }

  #showAlerts(): void {
    const text = this.#alerts === 0 ? '' : `${this.#alerts} alert${this.#alerts === 1 ? '' : 's'}`;
    // A new server gets the text when it is connected.
    this.#tmux?.command(['set-option', '-g', ALERTS_OPTION, text]).catch(() => undefined);
  }

  /** What programs have printed on a pane's screen, line by line. @throws while tmux cannot be asked */
  async printed(pane: string): Promise<string> {
    return await (await this.connect()).capturePane(pane, { joined: true });
  }

  /** The text on a pane's screen. @throws while tmux cannot be asked */
  async screen(pane: string): Promise<string> {
    return await (await this.connect()).capturePane(pane);
  }

  /** The latest key of a person by session, epoch ms. */
  async keys(): Promise<Map<string, number>> {
    const keys = new Map<string, number>();
    for (const { session, activity } of await (await this.connect()).listClients())
      keys.set(session, Math.max(keys.get(session) ?? 0, activity * 1_000));
    return keys;
  }

  async close(known: PaneView): Promise<void> {
    if (this.#tmux === null) return;
    await this.#tmux.killSession(known.session);
  }

  /** Ends the server and proves it gone, also one that no client of this tmux can speak to. */
  async killServer(): Promise<void> {
    try {
      if (this.#tmux === null && !(await this.#serverLives())) return;
      const tmux = await this.connect();
      this.#tmux = null;
      await tmux.killServer();
    } catch (error) {
      if (!(await this.#deps.endUnheard())) throw error;
    }
  }

  /** Disconnects from the server, which lives on. */
  async disconnect(): Promise<void> {
    const tmux = this.#tmux;
    this.#tmux = null;
    await tmux?.close();
  }
}

/**
 * Whether the process lives. One that holds a link is no zombie, for the kernel closes the link at its end: then its
 * existence is enough, which is checked ten times a second.
 */
export function processLives(pid: number, linked: boolean): boolean {
  return linked ? isThere(pid) : identityOf(pid) !== null;
}

/** The host of this project's own server. */
export function openTmuxHost(
  { project, env, tmuxConf }: { project: Project; env: Record<string, string>; tmuxConf: string },
  onGone: () => void,
): TmuxHost {
  const { layout, config } = project;
  return new TmuxHost({
    project: layout.hash,
    processLives,
    serverLives: () => listens(layout.tmuxSocket),
    lostServer: () => lostServer(layout.hash, layout.tmuxSocket),
    endUnheard: async () => {
      const pid = serverOf(layout.tmuxSocket);
      if (pid === null) return false;
      await endServer({ program: config.tmux.program, socket: layout.tmuxSocket }, pid);
      return true;
    },
    open: () =>
      Tmux.open({
        program: config.tmux.program,
        socket: layout.tmuxSocket,
        conf: tmuxConf,
        env: environmentFor('swarm', env),
        paneOptions: [AGENT_OPTION, PROJECT_OPTION],
      }),
    onGone,
  });
}
