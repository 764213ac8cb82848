import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { sleep, systemClock } from '../../../src/lib/clock.ts';
import { isRunning } from '../../../src/lib/running.ts';
import { attachArgv, inspectTmux, runTmux, type PaneRow, type Tmux, type TmuxExit } from '../../../src/tmux/index.ts';
import { test, TMUX } from '../../support/tmux.ts';
import { eventually } from '../../support/eventually.ts';

const SLEEP = ['sleep', '1000'];

const paneOf = async (tmux: Tmux, pane: string): Promise<PaneRow | undefined> =>
  (await tmux.listPanes()).find((row) => row.pane === pane);

const exitOf = (tmux: Tmux): Promise<TmuxExit & { at: number }> =>
  new Promise((resolve) => {
    tmux.onExit((exit) => resolve({ ...exit, at: performance.now() }));
  });

describe('a pane that dies', () => {
  test('is told with its ending by the next of ten looks a second', async ({ place }) => {
    const tmux = await place.open();
    const times: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      const { pane, panePid, session } = await tmux.newSession({ name: `a${n}`, cwd: '/', argv: SLEEP });
      // The signal of its death is seldom lost for a pane that has hardly begun, often for one that has run for a
      // while.
      await sleep(systemClock, 50);
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
    times.sort((a, b) => a - b);
    console.log(
      `SIGKILL of a pane noticed by 10 Hz: median ${times[10]?.toFixed(0)} ms, worst ${times.at(-1)?.toFixed(0)} ms`,
    );
    // The median, because single looks are slowed by other work of the machine.
    expect(times[10]).toBeLessThan(500);
  });

  test('by exit, by signal or for want of a program tells so', async ({ place }) => {
    const tmux = await place.open();
    const endings = {
      'exit 0': { deadStatus: 0, deadSignal: null },
      'exit 3': { deadStatus: 3, deadSignal: null },
      'kill -TERM $$': { deadStatus: null, deadSignal: 15 },
      'exec /no/such/program': { deadStatus: 127, deadSignal: null },
    };
    for (const [index, [script, ending]] of Object.entries(endings).entries()) {
      const { pane } = await tmux.newSession({ name: `a${index}`, cwd: '/', argv: ['sh', '-c', script] });
      await eventually(() => paneOf(tmux, pane), script).toMatchObject({ dead: true, ...ending });
    }
  });

  test('whose program only closed its terminal is dead without an ending, and listing stays cheap', async ({
    place,
  }) => {
    const tmux = await place.open();
    const { pane, panePid } = await tmux.newSession({
      name: 'a',
      cwd: '/',
      argv: ['sh', '-c', 'trap "" HUP; exec sleep 1000 <&- >&- 2>&-'],
    });
    await eventually(() => paneOf(tmux, pane)).toMatchObject({ dead: true, deadStatus: null, deadSignal: null });
    expect(isRunning(panePid)).toBe(true);
    const begun = performance.now();
    for (let n = 0; n < 20; n += 1) await tmux.listPanes();
    expect((performance.now() - begun) / 20).toBeLessThan(50);
    process.kill(panePid, 'SIGKILL');
    await eventually(() => paneOf(tmux, pane)).toMatchObject({ deadSignal: 9 });
  });
});

describe('a server or client that dies', () => {
  test('kill -9 of the server is told within milliseconds, and a new one takes its place', async ({ place }) => {
    const tmux = await place.open();
    const { panePid } = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP });
    const exit = exitOf(tmux);
    const killed = performance.now();
    process.kill(tmux.serverPid, 'SIGKILL');
    const { gone, at } = await exit;
    console.log(`SIGKILL of the server noticed after ${(at - killed).toFixed(1)} ms`);
    expect(gone).toBe('server');
    expect(at - killed).toBeLessThan(100);
    await expect(tmux.listPanes()).rejects.toMatchObject({ code: 'tmux-gone', reached: 'no', retrySafe: true });
    // Its terminal is gone with the server, and so the program ends.
    await eventually(() => isRunning(panePid)).toBe(false);
    const next = await place.open();
    expect(next.serverPid).not.toBe(tmux.serverPid);
    expect(await next.listPanes()).toEqual([]);
  });

  test('a command under way when the server dies may have had its effect', async ({ place }) => {
    const tmux = await place.open();
    process.kill(tmux.serverPid, 'SIGSTOP');
    const listing = expect(tmux.listPanes()).rejects.toMatchObject({
      code: 'tmux-gone',
      reached: 'maybe',
      retrySafe: false,
    });
    process.kill(tmux.serverPid, 'SIGKILL');
    await listing;
  });

  test('a server that hangs makes a command end in time', async ({ place }) => {
    const tmux = await place.open();
    process.kill(tmux.serverPid, 'SIGSTOP');
    await expect(tmux.command(['list-panes', '-a'], 100)).rejects.toMatchObject({
      code: 'tmux-timeout',
      reached: 'maybe',
      exitCode: 3,
    });
    process.kill(tmux.serverPid, 'SIGCONT');
    // The late answer is not taken for the next one.
    await eventually(() => tmux.command(['display-message', '-p', 'mine'])).toEqual(['mine']);
  });

  test('a hanging server is ended all the same', async ({ place }) => {
    const tmux = await place.open();
    process.kill(tmux.serverPid, 'SIGSTOP');
    await tmux.killServer();
    expect(isRunning(tmux.serverPid)).toBe(false);
  });

  test('the loss of the client leaves the agents alone, and the next client adopts them', async ({ place }) => {
    const tmux = await place.open();
    const created = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP, options: { '@swarm_agent': 'a' } });
    const exit = exitOf(tmux);
    await runTmux(place.options, ['detach-client', '-s', '_keeper']);
    expect(await exit).toMatchObject({ gone: 'client' });
    const next = await place.open();
    expect(next.serverPid).toBe(tmux.serverPid);
    expect(await next.listPanes()).toMatchObject([
      { pane: created.pane, pid: created.panePid, options: { '@swarm_agent': 'a' }, dead: false },
    ]);
  });

  test('a client that is closed on purpose reports no exit and leaves the server', async ({ place }) => {
    const tmux = await place.open();
    let told = false;
    tmux.onExit(() => (told = true));
    await tmux.close();
    expect(isRunning(tmux.serverPid)).toBe(true);
    expect(told).toBe(false);
  });

  test('the client ends with the process that has it', async ({ place }) => {
    const tmux = await place.open();
    const source = path.resolve(import.meta.dirname, '../../../src/tmux/index.ts');
    const code = `import { Tmux } from ${JSON.stringify(source)}; const t = await Tmux.open(JSON.parse(process.argv[1])); console.log(t.serverPid); setInterval(() => {}, 1000);`;
    const options = JSON.stringify({ ...place.options, env: { PATH: process.env['PATH'] } });
    const owner = spawn(process.execPath, ['--input-type=module', '-e', code, options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    expect(Number(line.toString())).toBe(tmux.serverPid);
    const clients = async (): Promise<number> => (await tmux.command(['list-clients', '-F', '#{client_pid}'])).length;
    expect(await clients()).toBe(2);
    owner.kill('SIGKILL');
    await eventually(clients).toBe(1);
  });

  test('what a dead server left at the path of the socket is cleaned away', async ({ place }) => {
    const tmux = await place.open();
    process.kill(tmux.serverPid, 'SIGKILL');
    await eventually(() => isRunning(tmux.serverPid)).toBe(false);
    expect((await stat(place.options.socket)).isSocket()).toBe(true);
    const next = await place.open();
    // The handle of the dead server does not end the living one.
    await tmux.killServer();
    expect(await next.command(['display-message', '-p', 'up'])).toEqual(['up']);
  });
});

describe('one command by a process', () => {
  test('reaches the server, says when there is none, and never starts one', async ({ place }) => {
    await expect(runTmux(place.options, ['list-clients'])).rejects.toMatchObject({
      code: 'tmux-no-server',
      reached: 'no',
      retrySafe: true,
    });
    const tmux = await place.open();
    const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: ['sh', '-c', 'echo Grüße; exec sleep 1000'] });
    await eventually(() => runTmux(place.options, ['capture-pane', '-p', '-t', pane])).toContain('Grüße');
    await expect(runTmux(place.options, ['capture-pane', '-p', '-t', '%99'])).rejects.toMatchObject({
      code: 'tmux-no-target',
    });
    await expect(runTmux(place.options, ['display-message', '-p', 'x'.repeat(17_000)])).rejects.toMatchObject({
      code: 'tmux-too-long',
      reached: 'no',
    });
    process.kill(tmux.serverPid, 'SIGSTOP');
    await expect(runTmux(place.options, ['list-clients'], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'tmux-timeout',
      reached: 'maybe',
    });
    await expect(runTmux(place.options, ['list-clients'], { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    process.kill(tmux.serverPid, 'SIGCONT');
  });

  test('a missing and an old tmux are told with the cure', async ({ place }) => {
    expect(await inspectTmux(TMUX)).toMatchObject({ major: 3 });
    const missing = path.join(place.directory, 'no-tmux');
    await expect(inspectTmux(missing)).rejects.toMatchObject({
      code: 'no-tmux',
      hint: expect.stringContaining('install'),
    });
    await expect(place.open({ program: missing })).rejects.toMatchObject({
      code: 'no-tmux',
      hint: expect.stringContaining('install'),
    });
    const old = path.join(place.directory, 'old-tmux');
    await writeFile(old, '#!/bin/sh\necho tmux 3.1c\n', { mode: 0o755 });
    await expect(inspectTmux(old)).rejects.toMatchObject({
      code: 'old-tmux',
      message: expect.stringContaining('3.1c'),
      hint: expect.stringContaining('nstall'),
    });
  });
});

test('a person attaches from inside another tmux, is seen, types, and comes back', async ({ place }) => {
  const tmux = await place.open();
  const outer = await place.open({ socket: path.join(place.directory, 'outer') });
  const { pane } = await tmux.newSession({
    name: 'worker-1',
    cwd: '/',
    argv: ['cat'],
    options: { '@swarm_agent': 'worker-1', '@swarm_task': 'Fix it' },
  });
  await tmux.newSession({ name: 'worker-10', cwd: '/', argv: SLEEP });
  const { argv, unset } = attachArgv({
    program: TMUX,
    socket: place.options.socket,
    session: 'worker-1',
    insideTmux: true,
  });
  const terminal = await outer.newSession({
    name: 'person',
    cwd: '/',
    argv: ['env', ...unset.flatMap((name) => ['-u', name]), ...argv],
    width: 100,
    height: 30,
  });
  await eventually(() => tmux.listClients()).toEqual([
    { session: 'worker-1', tty: expect.stringContaining('/dev/'), activity: expect.any(Number) },
  ]);
  expect(await paneOf(tmux, pane)).toMatchObject({ clients: 1 });
  await eventually(() => outer.capturePane(terminal.pane)).toMatch(/worker-1.*Fix it.*back: Ctrl-b Ctrl-b d/);
  await outer.command(['send-keys', '-t', terminal.pane, 'hello', 'Enter']);
  await eventually(() => tmux.capturePane(pane)).toBe('hello\nhello');
  // Keys within a millisecond of each other are a paste to tmux, and no bindings: repeated until one is a prefix.
  const prefixed = async (): Promise<boolean> =>
    (await tmux.command(['list-clients', '-F', '#{client_prefix}'])).includes('1');
  await eventually(
    async () => (await prefixed()) || (await outer.command(['send-keys', '-t', terminal.pane, 'C-b']), prefixed()),
  ).toBe(true);
  await outer.command(['send-keys', '-t', terminal.pane, 'd']);
  await eventually(() => tmux.listClients()).toEqual([]);
  expect(await paneOf(tmux, pane)).toMatchObject({ dead: false, clients: 0 });
  await outer.killServer();
});

test('the configuration is read without a complaint and keeps off what kills tmux', async ({ place }) => {
  const tmux = await place.open();
  expect(await runTmux(place.options, ['source-file', place.options.conf])).toBe('');
  await expect(tmux.command(['source-file', place.options.conf])).rejects.toMatchObject({
    code: 'tmux-argument',
    reached: 'no',
  });
  expect(await tmux.command(['show-options', '-gv', 'window-size'])).toEqual(['latest']);
  expect(await tmux.command(['show-options', '-gv', 'remain-on-exit'])).toEqual(['on']);
  expect(await tmux.command(['show-options', '-sv', 'exit-empty'])).toEqual(['off']);
  expect(await tmux.command(['show-options', '-sv', 'escape-time'])).toEqual(['0']);
  expect(await readFile(place.options.conf, 'utf8')).not.toMatch(/^\s*set.*window-size manual/m);
  const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP, width: 133, height: 44 });
  expect(await tmux.command(['display-message', '-p', '-t', pane, '#{window_width} #{window_height}'])).toEqual([
    '133 44',
  ]);
});
