import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect, createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { isRunning } from '../../../src/lib/running.ts';
import { attachArgv, inspectTmux, runTmux, type Tmux, type TmuxExit } from '../../../src/tmux/index.ts';
import { test, TMUX } from '../../support/tmux.ts';

const run = promisify(execFile);
const SLEEP = ['sleep', '1000'];

const exitOf = (tmux: Tmux): Promise<TmuxExit & { at: number }> =>
  new Promise((resolve) => {
    tmux.onExit((exit) => resolve({ ...exit, at: performance.now() }));
  });

describe('a pane that dies', () => {
  test('is told with its ending within 150 ms by looking ten times a second, twenty times out of twenty', async ({ place }) => {
    const tmux = await place.open();
    const times: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      const { pane, panePid, session } = await tmux.newSession({ name: `a${n}`, cwd: '/', argv: SLEEP });
      const killed = performance.now();
      process.kill(panePid, 'SIGKILL');
      const row = await new Promise<unknown>((resolve, reject) => {
        const timer = setInterval(() => {
          void tmux.listPanes().then((rows) => {
            const found = rows.find((each) => each.pane === pane);
            if (found?.dead !== true) return;
            clearInterval(timer);
            resolve(found);
          }, reject);
        }, 100);
      });
      times.push(performance.now() - killed);
      expect(row).toMatchObject({ dead: true, deadStatus: null, deadSignal: 9 });
      await tmux.killSession(session);
    }
    console.log(`SIGKILL of a pane noticed by 10 Hz: median ${times.toSorted((a, b) => a - b)[10]?.toFixed(0)} ms, worst ${Math.max(...times).toFixed(0)} ms`);
    expect(Math.max(...times)).toBeLessThan(150);
  });

  test.each([
    ['exit 0', 'exit 0', { deadStatus: 0, deadSignal: null }],
    ['exit 3', 'exit 3', { deadStatus: 3, deadSignal: null }],
    ['SIGTERM', 'kill -TERM $$', { deadStatus: null, deadSignal: 15 }],
    ['a missing program', 'exec /no/such/program', { deadStatus: 127, deadSignal: null }],
  ])('by %s tells so', async (_title, script, ending) => {
    const { place } = await freshPlace();
    await using tmux = await place.open();
    const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: ['sh', '-c', script] });
    await expect.poll(async () => (await tmux.listPanes()).find((row) => row.pane === pane)).toMatchObject({ dead: true, ...ending });
    await tmux.killServer();
  });

  test('whose program only closed its terminal is dead without an ending, and looking stays cheap', async ({ place }) => {
    const tmux = await place.open();
    const { pane, panePid } = await tmux.newSession({ name: 'a', cwd: '/', argv: ['sh', '-c', 'trap "" HUP; exec sleep 1000 <&- >&- 2>&-'] });
    await expect.poll(async () => (await tmux.listPanes()).find((row) => row.pane === pane)).toMatchObject({ dead: true, deadStatus: null, deadSignal: null });
    expect(isRunning(panePid)).toBe(true);
    const begun = performance.now();
    for (let n = 0; n < 20; n += 1) await tmux.listPanes();
    expect((performance.now() - begun) / 20).toBeLessThan(5);
    process.kill(panePid, 'SIGKILL');
    await expect.poll(async () => (await tmux.listPanes()).find((row) => row.pane === pane)).toMatchObject({ deadSignal: 9 });
  });
});

/** For parametrised tests, which get their row instead of fixtures. */
async function freshPlace(): Promise<{ place: { open(): Promise<Tmux> } }> {
  const { mkdtemp } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { Tmux } = await import('../../../src/tmux/index.ts');
  const { TMUX_CONF } = await import('../../support/tmux.ts');
  const directory = await mkdtemp(path.join(tmpdir(), 'swarm-tmux-'));
  return { place: { open: () => Tmux.open({ program: TMUX, socket: path.join(directory, 's'), conf: TMUX_CONF, env: process.env }) } };
}
