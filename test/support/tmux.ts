import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test as base } from 'vitest';
import { isRunning } from '../../src/lib/running.ts';
import { Tmux, type TmuxOptions } from '../../src/tmux/index.ts';
import { eventually } from './eventually.ts';

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
      for (const pid of panePidsOf(tmux, options)) panePids.add(pid);
      await tmux.killServer();
    }
    await rm(directory, { recursive: true });
    for (const pid of panePids) await eventually(() => isRunning(pid)).toBe(false);
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

function panePidsOf({ serverPid }: Tmux, { program, socket }: TmuxOptions): number[] {
  if (!isRunning(serverPid)) return [];
  const argv = ['-N', '-S', socket, 'list-panes', '-a', '-F', '#{pane_dead} #{pane_pid}'];
  const { stdout } = spawnSync(program, argv, { encoding: 'utf8', timeout: 2000 });
  return stdout.split('\n').flatMap((line) => (line.startsWith('0 ') ? [Number(line.slice(2))] : []));
}
