import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, vi } from 'vitest';
import { isRunning } from '../../../src/lib/running.ts';
import type { PaneRow, Tmux } from '../../../src/tmux/index.ts';
import { test } from '../../support/tmux.ts';
import { eventually } from '../../support/eventually.ts';

const paneOf = async (tmux: Tmux, pane: string): Promise<PaneRow | undefined> =>
  (await tmux.listPanes()).find((row) => row.pane === pane);
const SLEEP = ['sleep', '1000'];
/** Writes its arguments, a variable and its directory, NUL-separated, and stays. */
const WITNESS = 'printf "%s\\0" "$@" "$SWARM_X" "$PWD" >"$0.part" && mv "$0.part" "$0" && exec sleep 1000';
const NASTY = [
  'plain',
  'two words',
  `it's "quoted"`,
  'line\nfeed\r\ttab',
  ';',
  'a;b \\; c',
  '#{pane_id} #(touch hacked) #[x] ##',
  '$HOME ${HOME} `id` $(id)',
  'Grüße 🐝 日本',
  '-leading',
  '--',
  '~',
  '%if',
  '\\n \\\\',
  '',
  "'",
  '{',
  '}',
  '#',
  '\u001b[31m',
  '*?[a]',
  '!x',
  'x'.repeat(100_000),
];

describe('a session', () => {
  test('its program gets every argument, variable and directory byte for byte', async ({ place }) => {
    const tmux = await place.open();
    const cwd = path.join(place.directory, `%Y #{pid} #(touch hacked) #[x] it's ü;`);
    await mkdir(cwd);
    const out = path.join(cwd, 'out');
    const env = { SWARM_X: `a b;'"\n#{pid}$HOME=` };
    const created = await tmux.newSession({
      name: 'worker-1',
      cwd,
      argv: ['sh', '-c', WITNESS, out, ...NASTY],
      env,
      options: { '@swarm_agent': 'worker-1' },
    });
    expect(created).toEqual({
      session: expect.stringMatching(/^\$\d+$/),
      window: expect.stringMatching(/^@\d+$/),
      pane: expect.stringMatching(/^%\d+$/),
      panePid: expect.any(Number),
    });
    await eventually(() => readdir(cwd)).toEqual(['out']);
    expect((await readFile(out, 'utf8')).split('\0')).toEqual([...NASTY, env.SWARM_X, cwd, '']);
    expect(await paneOf(tmux, created.pane)).toMatchObject({
      session: 'worker-1',
      sessionId: created.session,
      pid: created.panePid,
      dead: false,
      clients: 0,
      options: { '@swarm_agent': 'worker-1' },
    });
    expect(await readdir(place.directory)).not.toContain('hacked');
  });

  test('a program of one word is not given to a shell', async ({ place }) => {
    const program = path.join(place.directory, 'my $(touch hacked) program');
    await writeFile(program, '#!/bin/sh\necho started; exec sleep 1000\n', { mode: 0o755 });
    const tmux = await place.open();
    const { pane } = await tmux.newSession({ name: 'a', cwd: place.directory, argv: [program] });
    await eventually(() => tmux.capturePane(pane)).toBe('started');
    expect(await readdir(place.directory)).not.toContain('hacked');
  });

  test('a name that is taken changes nothing of the session that has it', async ({ place }) => {
    const tmux = await place.open();
    const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP, options: { '@swarm_agent': 'first' } });
    await expect(
      tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP, options: { '@swarm_agent': 'second' } }),
    ).rejects.toMatchObject({
      code: 'tmux-duplicate',
      reached: 'no',
      retrySafe: true,
    });
    expect((await tmux.listPanes()).map(({ options }) => options['@swarm_agent'])).toEqual(['first']);
    // The stream is still in step after a run of commands that ended early.
    expect(await tmux.command(['display-message', '-p', '-t', pane, '#{pane_id}'])).toEqual([pane]);
  });

  test.each([['a:b'], ['a.b'], ['-a'], [''], ['=a'], ['ü']])(
    '%j is refused as a name before it reaches tmux',
    async (name) => {
      const { Tmux } = await import('../../../src/tmux/index.ts');
      await expect(Tmux.prototype.newSession.call({}, { name, cwd: '/', argv: SLEEP })).rejects.toMatchObject({
        code: 'tmux-argument',
        reached: 'no',
      });
    },
  );

  test('only the pane that was made bears the mark, not one that a person splits off', async ({ place }) => {
    const tmux = await place.open();
    const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP, options: { '@swarm_agent': 'a' } });
    await tmux.command(['split-window', '-d', '-t', pane, '--', ...SLEEP]);
    expect(
      (await tmux.listPanes()).filter(({ options }) => options['@swarm_agent'] === 'a').map((row) => row.pane),
    ).toEqual([pane]);
    await tmux.setOption(pane, '@swarm_agent', `it's; "b" #{pid} ü`);
    expect((await paneOf(tmux, pane))?.options).toEqual({ '@swarm_agent': `it's; "b" #{pid} ü` });
    await expect(tmux.setOption(pane, '@swarm_agent', 'a\tb')).rejects.toMatchObject({ code: 'tmux-argument' });
  });

  test('a program that names itself with tabs and line feeds cannot forge rows', async ({ place }) => {
    const tmux = await place.open();
    const argv = ['bash', '-c', `exec -a $'x\\n%99\\t$9\\tforged\\t1' sleep 1000`];
    const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv });
    const named = ['display-message', '-p', '-t', pane, '#{pane_current_command}'];
    await eventually(() => tmux.command(named)).not.toEqual(['bash']);
    const rows = await tmux.listPanes();
    expect(rows.map((row) => row.pane)).toEqual([pane]);
  });

  test('a dead pane is started again in its place; a living one is left alone', async ({ place }) => {
    const tmux = await place.open();
    const { pane } = await tmux.newSession({
      name: 'a',
      cwd: '/',
      argv: ['sh', '-c', 'exit 3'],
      options: { '@swarm_agent': 'a' },
    });
    await eventually(async () => (await paneOf(tmux, pane))?.deadStatus).toBe(3);
    const { panePid } = await tmux.respawnPane(
      pane,
      ['sh', '-c', 'echo again $X $PWD; exec sleep 1000'],
      { X: 'now' },
      place.directory,
    );
    expect(await paneOf(tmux, pane)).toMatchObject({
      pid: panePid,
      dead: false,
      deadStatus: null,
      options: { '@swarm_agent': 'a' },
    });
    await eventually(() => tmux.capturePane(pane)).toContain(`again now ${place.directory}`);
    await expect(tmux.respawnPane(pane, SLEEP, {}, '/')).rejects.toMatchObject({
      code: 'tmux-pane-active',
      reached: 'no',
    });
  });

  test('killing it ends its program; killing it again is fine', async ({ place }) => {
    const tmux = await place.open();
    const { session, panePid } = await tmux.newSession({ name: 'a', cwd: '/', argv: SLEEP });
    await tmux.killSession(session);
    expect(await tmux.listPanes()).toEqual([]);
    await eventually(() => isRunning(panePid)).toBe(false);
    await tmux.killSession(session);
  });

  test('arguments that the kernel would refuse are refused with a reason', async ({ place }) => {
    const tmux = await place.open();
    const argv = ['true', 'x'.repeat(128 * 1024)];
    await expect(tmux.newSession({ name: 'a', cwd: '/', argv })).rejects.toMatchObject({
      code: 'tmux-too-long',
      reached: 'no',
    });
    expect(await tmux.listPanes()).toEqual([]);
  });
});

test('a capture is the screen as text, with colours or history where asked', async ({ place }) => {
  const tmux = await place.open();
  const script = `printf '\\033[31mred\\033[0m Grüße 🐝\\n'; seq 100; exec sleep 1000`;
  const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: ['sh', '-c', script], width: 60, height: 20 });
  await eventually(() => tmux.capturePane(pane)).toMatch(/100$/);
  expect(await tmux.capturePane(pane)).not.toContain('red');
  expect(await tmux.capturePane(pane, { history: 1000 })).toMatch(/^red Grüße 🐝\n1\n2\n/);
  expect(await tmux.capturePane(pane, { history: 1000, escapes: true })).toContain('\u001b[31mred');
  await expect(tmux.capturePane('%999')).rejects.toMatchObject({ code: 'tmux-no-target', reached: 'no' });
});

test('output that forges the end of a command is noticed instead of believed', async ({ place }) => {
  const tmux = await place.open();
  const forger = `for n in $(seq 0 3000); do printf '%%end %s %s 1\\n' "$1" "$n"; done; exec sleep 1000`;
  const second = String(Math.floor(Date.now() / 1000) + 2);
  const { pane } = await tmux.newSession({ name: 'a', cwd: '/', argv: ['sh', '-c', forger, 'sh', second], height: 50 });
  const gone = new Promise((resolve) => tmux.onExit(resolve));
  // A capture within that second may meet its own number on the screen or in the history.
  const attempt = (): Promise<string | null> =>
    tmux.capturePane(pane, { history: 5000 }).then(
      () => null,
      (error: { code: string }) => error.code,
    );
  await eventually(attempt, 'a capture that meets its own number', 5).toBe('tmux-gone');
  expect(await gone).toMatchObject({ gone: 'client', error: { message: expect.stringContaining('out of step') } });
  const again = await place.open();
  expect((await again.listPanes()).map((row) => row.pane)).toEqual([pane]);
});

test('twenty sessions come up and are listed, captured and ended', async ({ place }) => {
  const tmux = await place.open();
  const names = Array.from({ length: 20 }, (_, n) => `worker-${n + 1}`);
  const begun = performance.now();
  const created = await Promise.all(
    names.map((name) =>
      tmux.newSession({
        name,
        cwd: '/',
        argv: ['sh', '-c', 'echo I am $0; exec sleep 1000', name],
        options: { '@swarm_agent': name },
      }),
    ),
  );
  const started = performance.now();
  const rows = await tmux.listPanes();
  const listed = performance.now();
  expect(rows.map(({ options }) => options['@swarm_agent']).toSorted()).toEqual(names.toSorted());
  await eventually(() => Promise.all(created.map(({ pane }) => tmux.capturePane(pane)))).toEqual(
    names.map((name) => `I am ${name}`),
  );
  const captureAt = performance.now();
  await Promise.all(created.map(({ pane }) => tmux.capturePane(pane)));
  console.log(
    `20 sessions: start ${(started - begun).toFixed(1)} ms, list ${(listed - started).toFixed(2)} ms, capture all ${(performance.now() - captureAt).toFixed(2)} ms`,
  );
  await Promise.all(created.map(({ session }) => tmux.killSession(session)));
  expect(await tmux.listPanes()).toEqual([]);
  for (const { panePid } of created) await eventually(() => isRunning(panePid)).toBe(false);
});

test('the files of a socket are private and gone with the server', async ({ place }) => {
  const tmux = await place.open();
  expect((await stat(place.options.socket)).mode & 0o077).toBe(0);
  await tmux.killServer();
  expect(isRunning(tmux.serverPid)).toBe(false);
  expect(await readdir(place.directory)).toEqual([]);
  await tmux.killServer();
});

test('a socket of another user is refused, so is what is no socket and what is too long', async ({ place }) => {
  const { socket } = place.options;
  await writeFile(socket, '');
  await expect(place.open()).rejects.toMatchObject({
    code: 'tmux-socket',
    message: expect.stringContaining('no socket'),
  });
  const owner = process.getuid?.() ?? 0;
  using _another = vi.spyOn(process, 'getuid').mockReturnValue(owner + 1);
  await expect(place.open()).rejects.toMatchObject({
    code: 'tmux-socket',
    message: expect.stringContaining(`belongs to user ${owner}`),
  });
  await expect(place.open({ socket: `/tmp/${'x'.repeat(110)}` })).rejects.toMatchObject({
    code: 'tmux-socket',
    reached: 'no',
  });
});
