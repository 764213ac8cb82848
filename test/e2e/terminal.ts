import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { swarmScript } from '../support/swarm.ts';
import { poll, type World } from './world.ts';

export interface Terminal extends AsyncDisposable {
  /** Keys by tmux's names (`Enter`, `C-b`). */
  keys(...keys: string[]): Promise<void>;
  /** Types characters unchanged. */
  type(text: string): Promise<void>;
  /** The present screen. */
  screen(): Promise<string>;
  shows(text: string | RegExp, timeoutMs?: number): Promise<void>;
  hides(text: string | RegExp): Promise<void>;
  /** Exit code of the program, once it has ended. */
  exitCode(): Promise<number>;
}

const TIMEOUT_MS = 30_000;

/**
 * A terminal of a person: a pane of a tmux server without decoration and without keys of its own. With `insideTmux` it
 * shows a tmux of the person's own, and the program runs in that one.
 */
export async function openTerminal(
  world: World,
  args: readonly string[],
  { insideTmux = false, columns = 160, rows = 36 } = {},
): Promise<Terminal> {
  const { variables, directory } = world.environment;
  const sockets = { outer: path.join(directory, 'terminal.sock'), own: path.join(directory, 'own-tmux.sock') };
  const run = async (...argv: string[]): Promise<string> =>
    (await execa('tmux', ['-S', sockets.outer, '-f', '/dev/null', ...argv], { env: variables, extendEnv: false }))
      .stdout;
  const set = (name: string, value: string): string[] => ['set-option', '-g', name, value, ';'];
  const program = insideTmux
    ? [
        'tmux',
        '-S',
        sockets.own,
        '-f',
        '/dev/null',
        'new-session',
        swarmScript,
        ...args,
        ';',
        'set',
        '-g',
        'remain-on-exit',
        'on',
      ]
    : [swarmScript, ...args];
  // The program ends and the pane stays, with its last screen. Without a status line the pane is the terminal.
  const settings = [...set('remain-on-exit', 'on'), ...set('remain-on-exit-format', ''), ...set('status', 'off')];
  const place = ['-x', String(columns), '-y', String(rows), '-c', world.repository.path];
  const bare = ['env', '-u', 'TMUX', '-u', 'TMUX_PANE', 'TERM=xterm-256color'];
  const opened = ['new-session', '-d', '-P', '-F', '#{pane_id}', ...place, ...bare];
  const pane = (await run('start-server', ';', ...settings, ...opened, ...program)).trim();

  const terminal: Terminal = {
    keys: async (...keys) => void (await run('send-keys', '-t', pane, ...keys)),
    type: async (text) => void (await run('send-keys', '-t', pane, '-l', text)),
    screen: async () => (await run('capture-pane', '-p', '-t', pane)).trimEnd(),
    shows: (text, timeout = TIMEOUT_MS) =>
      expect.poll(() => terminal.screen(), { timeout, interval: 50, message: `"${text}" on the screen` }).toMatch(text),
    hides: (text) =>
      expect
        .poll(() => terminal.screen(), { timeout: TIMEOUT_MS, interval: 50, message: `no "${text}" on the screen` })
        .not.toMatch(text),
    async exitCode() {
      const code = async (): Promise<string> => {
        const format = '#{pane_dead} #{pane_dead_status}';
        const [dead, status = ''] = (await run('display-message', '-p', '-t', pane, format)).split(' ');
        // tmux 3.3a can miss the end of a child until another one ends.
        if (dead === '1' && status === '') await run('run-shell', 'true');
        return status;
      };
      return Number(await poll(code, (status) => status !== '', 'the program to end'));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of [sockets.own, sockets.outer])
        await execa('tmux', ['-N', '-S', socket, 'kill-server'], { env: variables, extendEnv: false, reject: false });
    },
  };
  return terminal;
}
