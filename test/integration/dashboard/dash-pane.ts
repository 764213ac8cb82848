import { realpathSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { expect, test as base } from 'vitest';
import type { StatusDocument } from '../../../src/api/status/schemas.ts';
import { errorText } from '../../../src/domain/errors.ts';
import { projectHash } from '../../../src/domain/layout.ts';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { eventually } from '../../support/eventually.ts';
import { temporaryRepository } from '../../support/repository.ts';
import { swarmScript } from '../../support/swarm.ts';
import { fakeSupervisor, type FakeSupervisor } from './fake-supervisor.ts';

export interface Place {
  environment: IsolatedEnvironment;
  repository: string;
  /** Socket of the project's private tmux server. */
  tmuxSocket: string;
  /** A supervisor with this status, listening. */
  supervisor(status: StatusDocument): Promise<FakeSupervisor>;
  /** A terminal in which `swarm` runs with these arguments. */
  terminal(args: readonly string[], options?: TerminalOptions): Promise<Terminal>;
}

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  variables?: Record<string, string>;
}

export interface Terminal {
  /** Keys by tmux's names (`Enter`, `C-b`). */
  keys(...keys: string[]): Promise<void>;
  /** Types characters unchanged. */
  type(text: string): Promise<void>;
  /** The present screen, without the spaces at the ends of lines; `colours` keeps escape sequences. */
  screen(options?: { colours?: boolean }): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  /** Closes the terminal, as with its window. */
  close(): Promise<void>;
  /** Waits until the program has ended with this exit code, for up to half a minute or `timeoutMs`. */
  ends(exitCode: number, timeoutMs?: number): Promise<void>;
  /** Waits until the screen shows the text. */
  shows(text: string | RegExp): Promise<void>;
  hides(text: string | RegExp): Promise<void>;
}

/** A repository, a private tmux server for the person's terminal, and nothing left of either afterwards. */
export const test = base.extend('place', async ({}, { onCleanup }): Promise<Place> => {
  const environment = await isolatedEnvironment();
  const { path: repository } = await temporaryRepository({ parent: environment.directory });
  const hash = projectHash(realpathSync(path.join(repository, '.git')));
  const runtime = path.join(environment.runtimeDir, 'swarm', hash);
  const tmuxSocket = path.join(runtime, 'tmux.sock');
  const own = path.join(environment.directory, 'terminal.sock');
  const supervisors: FakeSupervisor[] = [];
  const run = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa('tmux', ['-S', own, '-f', '/dev/null', ...args], {
      env: environment.variables,
      extendEnv: false,
    });
    return stdout;
  };
  onCleanup(async () => {
    for (const socket of [own, tmuxSocket]) {
      await execa('tmux', ['-N', '-S', socket, 'kill-server'], {
        env: environment.variables,
        extendEnv: false,
        reject: false,
      });
    }
    for (const supervisor of supervisors) await supervisor.close();
    await environment[Symbol.asyncDispose]();
  });
  return {
    environment,
    repository,
    tmuxSocket,
    async supervisor(status) {
      const supervisor = fakeSupervisor(path.join(runtime, 'api.sock'), status);
      supervisors.push(supervisor);
      await supervisor.listen();
      return supervisor;
    },
    async terminal(args, { columns = 80, rows = 24, variables = {} } = {}) {
      const given = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      // The program ends and the pane stays, with its last screen. Without a status line the pane is the terminal.
      const settings = [
        'set-option',
        '-g',
        'remain-on-exit',
        'on',
        ';',
        'set-option',
        '-g',
        'remain-on-exit-format',
        '',
        ';',
        'set-option',
        '-g',
        'status',
        'off',
        ';',
      ];
      const program = ['env', '-u', 'TMUX', '-u', 'TMUX_PANE', ...given, swarmScript, ...args];
      const size = ['-x', String(columns), '-y', String(rows)];
      const pane = await run(
        'start-server',
        ';',
        ...settings,
        'new-session',
        '-d',
        '-P',
        '-F',
        '#{pane_id}',
        ...size,
        '-c',
        repository,
        ...program,
      );
      return terminalOf(run, pane.trim());
    },
  };
});

function terminalOf(run: (...args: string[]) => Promise<string>, pane: string): Terminal {
  const ending = async (): Promise<string> => {
    const format = '#{pane_dead} #{pane_dead_status} #{pane_dead_signal}';
    const [dead, status = '', signal = ''] = (await run('display-message', '-p', '-t', pane, format)).split(' ');
    if (dead !== '1') return 'running';
    if (status !== '') return `exit ${status}`;
    // tmux 3.3a can miss the end of a child until another one ends.
    await run('run-shell', 'true');
    return `closed, signal ${signal || 'unknown'}`;
  };
  const terminal: Terminal = {
    keys: async (...keys) => void (await run('send-keys', '-t', pane, ...keys)),
    type: async (text) => void (await run('send-keys', '-t', pane, '-l', text)),
    screen: async ({ colours = false } = {}) =>
      (await run('capture-pane', '-p', '-t', pane, ...(colours ? ['-e'] : []))).trimEnd(),
    resize: async (columns, rows) =>
      void (await run('resize-window', '-t', pane, '-x', String(columns), '-y', String(rows))),
    close: async () => void (await run('kill-pane', '-t', pane)),
    async ends(exitCode, timeoutMs = 30_000) {
      try {
        await expect.poll(ending, { timeout: timeoutMs, interval: 100 }).toBe(`exit ${exitCode}`);
      } catch (cause) {
        throw new Error(`${errorText(cause)}, with this on the screen:\n${await terminal.screen()}`, { cause });
      }
    },
    shows: (text) => eventually(() => terminal.screen(), `"${text}" on the screen`).toMatch(text),
    hides: (text) => eventually(() => terminal.screen(), `no "${text}" on the screen`).not.toMatch(text),
  };
  return terminal;
}
