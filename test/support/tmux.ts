import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { isRunning } from '../../src/lib/running.ts';
import { Tmux, type TmuxOptions } from '../../src/tmux/index.ts';

export interface TmuxPlace {
  directory: string;
  options: TmuxOptions;
  /** Opens a client of the test's own server; all are closed and the servers ended after the test. */
  open(more?: Partial<TmuxOptions>): Promise<Tmux>;
}

export const TMUX = execFileSync('sh', ['-c', 'command -v tmux'], { encoding: 'utf8' }).trim();
export const TMUX_CONF = path.resolve(import.meta.dirname, '../../tmux.conf');

/** A private tmux server per test; fails the test when the server or a pane's program outlives it. */
export const test = base.extend('place', async ({}, { onCleanup }): Promise<TmuxPlace> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'swarm-tmux-'));
  const opened: Tmux[] = [];
  const options: TmuxOptions = { program: TMUX, socket: path.join(directory, 's'), conf: TMUX_CONF, env: process.env };
  onCleanup(async () => {
    const panePids = new Set<number>();
    for (const tmux of opened) {
      if (isRunning(tmux.serverPid)) for (const pid of await panePidsOf(options)) panePids.add(pid);
      await tmux.killServer();
    }
    await rm(directory, { recursive: true });
    for (const pid of panePids) await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false);
  });
  return {
    directory,
    options,
    async open(more = {}) {
      const tmux = await Tmux.open({ ...options, ...more });
      opened.push(tmux);
      return tmux;
    },
  };
});

async function panePidsOf({ program, socket }: TmuxOptions): Promise<number[]> {
  const text = execFileSync(program, ['-N', '-S', socket, 'list-panes', '-a', '-F', '#{pane_dead} #{pane_pid}'], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => (line.startsWith('0 ') ? [Number(line.slice(2))] : []));
}
