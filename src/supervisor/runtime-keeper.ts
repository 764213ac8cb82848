import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { currentUid } from '../process/account.ts';
import type { Logger } from 'pino';
import { errorText } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { makePrivateDirectory } from '../lib/private-directory.ts';
import type { AgentRecord } from './project/agent-record.ts';
import { keepEnvironment } from './project/environment-snapshot.ts';
import { writePid } from './project/runtime-place.ts';
import { specFile, writeSpecFile } from './fleet/agent-spec.ts';

export interface RuntimeKeeperDeps {
  log: Logger;
  layout: ProjectLayout;
  /** The person's environment, with which this supervisor began. */
  env: Readonly<Record<string, string>>;
  fleet: { readonly records: readonly AgentRecord[] };
  links: { listen(socketPath: string): Promise<void> };
  api: { listenAgain(socketPath: string): Promise<void> };
  /** `serverPid`: that of the connected tmux server. */
  tmux: { readonly serverPid: number | null };
}

type Piece = readonly [place: string, make: () => Promise<void>];

/**
 * Makes the runtime directory anew while this supervisor lives: systems remove that of a user with the last login
 * (XDG_RUNTIME_DIR), and clean up below /tmp. Open connections go on meanwhile, but no shell could reach the
 * supervisor, and the next one would know none of the wrappers.
 */
export class RuntimeKeeper {
  readonly #deps: RuntimeKeeperDeps;
  #making: Promise<void> | null = null;
  #closed = false;
  #told = '';

  constructor(deps: RuntimeKeeperDeps) {
    this.#deps = deps;
  }

  /** Once a second. */
  tick(): void {
    if (this.#closed || this.#making !== null) return;
    const missing = this.#pieces().filter(([place]) => !existsSync(place));
    if (missing.length === 0) return;
    this.#making = this.#make(missing).finally(() => {
      this.#making = null;
    });
  }

  /** Makes nothing from now on. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#making;
  }

  async #make(missing: readonly Piece[]): Promise<void> {
    const { log, layout } = this.#deps;
    const uid = currentUid();
    try {
      await makePrivateDirectory(path.dirname(layout.runtimeDir), uid);
      await makePrivateDirectory(layout.runtimeDir, uid);
      await mkdir(layout.specDir, { recursive: true, mode: 0o700 });
      for (const [, make] of missing) if (!this.#closed) await make();
      this.#told = '';
      log.warn({ made: missing.map(([place]) => place) }, 'files of the runtime directory were gone and are made anew');
    } catch (error) {
      // Tried every second until it succeeds: with the next login, say.
      const text = errorText(error);
      if (text !== this.#told) log.error({ err: error }, 'the runtime directory is gone and cannot be made anew');
      this.#told = text;
    }
  }

  /** Sockets come last: a program that reaches the supervisor finds the rest. */
  #pieces(): Piece[] {
    const { layout, env, fleet, links, api, tmux } = this.#deps;
    const specs = fleet.records.flatMap(({ id, spec }): Piece[] =>
      spec === null ? [] : [[specFile(layout, id), () => writeSpecFile(layout, spec)]],
    );
    const server = tmux.serverPid;
    return [
      [layout.envSnapshot, () => keepEnvironment(layout.envSnapshot, env)],
      [layout.supervisorPidFile, () => writePid(layout)],
      ...specs,
      ...(server === null ? [] : [[layout.tmuxSocket, async () => askForSocket(server)] as const]),
      [layout.linkSocket, () => links.listen(layout.linkSocket)],
      [layout.apiSocket, () => api.listenAgain(layout.apiSocket)],
    ];
  }
}

/** Signals the tmux server to make its socket anew. */
function askForSocket(server: number): void {
  try {
    process.kill(server, 'SIGUSR1');
  } catch (error) {
    // It has just ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
