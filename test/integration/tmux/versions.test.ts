import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { execa } from 'execa';
import { isRunning } from '../../../src/lib/running.ts';
import { clientProgram, serverOf } from '../../../src/tmux/client-program.ts';
import { attachArgv, runTmux, type Tmux, type TmuxAddress } from '../../../src/tmux/index.ts';
import { endServer } from '../../../src/tmux/server.ts';
import { test, TMUX, type TmuxPlace } from '../../support/tmux.ts';

/** What a 3.3a says to a living server of 3.8. */
const OF_ANOTHER_VERSION = '#!/bin/sh\necho "server exited unexpectedly" >&2\nexit 1\n';

/** A server whose tmux was replaced, in the way of a package manager, by one that does not understand it. */
async function upgraded(place: TmuxPlace): Promise<{ tmux: Tmux; address: TmuxAddress }> {
  const program = path.join(place.directory, 'tmux');
  await copyFile(TMUX, program);
  const tmux = await place.open({ program });
  await tmux.newSession({ name: 'a', cwd: '/', argv: ['sleep', '1000'] });
  await writeFile(`${program}.new`, OF_ANOTHER_VERSION, { mode: 0o755 });
  await rename(`${program}.new`, program);
  return { tmux, address: { program, socket: place.options.socket } };
}

describe.runIf(process.platform === 'linux')('a tmux that was updated while its server runs', () => {
  test('goes on to be asked, seen and attached to', async ({ place }) => {
    const { tmux, address } = await upgraded(place);
    await tmux.close();
    const next = await place.open(address);
    expect(next.serverPid).toBe(tmux.serverPid);
    expect(await next.listPanes()).toMatchObject([{ session: 'a', dead: false }]);
    expect(await runTmux(address, ['list-sessions', '-F', '#{session_name}'])).toContain('a\n');
    const { argv } = attachArgv({ ...address, session: 'a', insideTmux: false });
    const { stderr } = await execa(argv[0] ?? '', argv.slice(1), { reject: false, stdin: 'ignore' });
    expect(stderr).toMatch(/not a terminal|open terminal failed/);
  });

  test('is ended by its pid, also where its file is gone', async ({ place }) => {
    const { tmux, address } = await upgraded(place);
    await tmux.close();
    await rm(address.program);
    const pid = serverOf(address.socket);
    expect(pid).toBe(tmux.serverPid);
    await endServer(address, pid ?? 0);
    expect(isRunning(tmux.serverPid)).toBe(false);
    expect(clientProgram(address)).toBe(address.program);
  });
});

test('the same tmux is called by its name', async ({ place }) => {
  await place.open();
  expect(clientProgram(place.options)).toBe(TMUX);
});
