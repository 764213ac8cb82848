import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect } from 'vitest';
import { processesOf, untilNoProcessOf } from '../support/processes.ts';
import { repositoryRoot } from '../support/environment.ts';
import { runSwarm, swarmScript } from '../support/swarm.ts';
import { test, type Place, type Terminal } from '../integration/dashboard/dash-pane.ts';
import { poll } from './world.ts';

const LONGEST_MS = 120_000;
/** Half a minute of two processors each: for `scripts/test --long`. */
const LONG = process.env['SWARM_TEST_LONG'] === '1';
const SCREEN = { columns: 100, rows: 44 };

/** Directories of demonstrations that run, or are left behind. */
const places = ({ environment }: Place): string[] =>
  readdirSync(path.join(environment.directory, 'tmp')).filter((name) => name.startsWith('swarm-demo-'));

/**
 * Waits until the terminal shows the text. Looks twice a second, since each look is a process that slows the
 * demonstration.
 * @param key pressed before each look, as a person does after reading
 */
async function shows(terminal: Terminal, text: string | RegExp, key?: string): Promise<string> {
  let screen = '';
  const look = async (): Promise<string> => {
    if (key !== undefined) await terminal.keys(key);
    screen = await terminal.screen();
    return screen;
  };
  await expect.poll(look, { timeout: LONGEST_MS, interval: 500, message: `"${text}" on the screen` }).toMatch(text);
  return screen;
}

async function nothingLeft(place: Place): Promise<void> {
  await poll(
    () => places(place),
    (left) => left.length === 0,
    'its directory to be gone',
    30_000,
  );
}

describe('swarm demo, all of it', () => {
  if (LONG)
    test('without a terminal shows everything, each with its command, and leaves nothing', async ({ place }) => {
      const { environment, repository } = place;
      const cast = path.join(environment.directory, 'demo.cast');
      const { exitCode, stdout, stderr, durationMs } = await runSwarm(
        environment,
        repository,
        ['demo', '--record', cast],
        { timeoutMs: LONGEST_MS },
      );
      expect([exitCode, stderr], stdout).toEqual([0, expect.not.stringMatching(/error/)]);
      expect(durationMs).toBeLessThan(LONGEST_MS);
      for (const said of [
        '$ swarm up 3 --detach --trust --yes',
        /worker-3 +idle/,
        '$ swarm task add "Put main.mjs together" --after t1 t2 t3',
        /t1 Write greeting\.mjs .*─┐\n +t2 Write farewell\.mjs .*─┼─▶ t4 Put main\.mjs together +· waiting\n/,
        /worker-\d asks: Bash: node --check greeting\.mjs/,
        /types it:\n\$ swarm answer worker-\d allow/,
        /\$ kill -9 \d+\nafter \S+: worker-\d is seen to be dead.*\nafter \S+: it works again on t2 as pid \d+, restart 1\n.*the same conversation: [0-9a-f-]{36}/,
        /t3 Write names\.mjs +✔ done +─┘/,
        /\$ swarm rollback worker-1 \d+\n/,
        'back byte for byte',
        /\$ swarm merge t4\n.*task t4 is in main/,
        'Hello, Ada! Goodbye, Ada!',
        /\$ swarm down && rm -r \S+swarm-demo-\w+\n/,
      ])
        expect(stdout).toMatch(said);
      expect(places(place)).toEqual([]);
      const [head, ...outputs] = readFileSync(cast, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      expect(head).toMatchObject({ version: 2 });
      expect(outputs.map((output) => (output as [number, 'o', string])[2]).join('')).toContain('Goodbye, Ada!');
    });

  test('where Claude Code cannot be had, programs do the work, and it says so', async ({ place }) => {
    const { environment, repository } = place;
    const bin = await mkdtemp(path.join(environment.directory, 'bin-'));
    for (const name of [
      'sh',
      'git',
      'tmux',
      'node',
      'npm',
      'env',
      'sed',
      'uname',
      'dirname',
      'readlink',
      'id',
      'cat',
    ]) {
      const { stdout } = await execa('which', [name], { env: environment.variables });
      await symlink(stdout, path.join(bin, name));
    }
    const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
    const { exitCode, stdout, stderr } = await runSwarm(environment, repository, ['demo', '--yes'], {
      launcher: [process.execPath, path.join(repositoryRoot, 'dist', build, 'cli.js')],
      // Without a listener.
      variables: { PATH: bin, npm_config_registry: 'http://127.0.0.1:9/' },
      timeoutMs: LONGEST_MS,
    });
    expect([exitCode, stderr], stdout).toEqual([0, expect.not.stringMatching(/error:/)]);
    expect(stdout).toMatch(/could not be installed.*here the agents are of kind shell/);
    expect(stdout).toMatch(/\$ swarm task add "Write names.mjs" --priority high -- node work.mjs names.mjs \d/);
    expect(stdout).toMatch(/\$ kill -9 \d+\nafter \S+: worker-\d tries t2 once more \(attempt 2\)/);
    expect(stdout).toContain('Goodbye, Grace!');
    expect(places(place)).toEqual([]);
  });

  test('in a terminal runs beside the real dashboard, takes an answer by key, and gives the terminal back', async ({
    place,
  }) => {
    const terminal = await place.terminal(['demo'], SCREEN);
    await shows(terminal, 'Press a to allow, d to deny', 'Space');
    const asked = await shows(terminal, 'greeter  1 needs you');
    expect(asked).toMatch(/2 agents · 3/);
    await terminal.keys('d');
    await shows(terminal, /\$ swarm answer worker-\d deny/);
    await shows(terminal, 'What you have seen:', 'Space');
    await terminal.ends(0, 60_000);
    expect(await terminal.screen()).toMatch(/That was it, in \d+/);
    expect(places(place)).toEqual([]);
  });
});

describe('swarm demo that does not come to its end', () => {
  if (LONG)
    test('killed without warning, it is cleared away all the same', async ({ place }) => {
      const { environment, repository } = place;
      const { variables: env } = environment;
      const demo = execa(swarmScript, ['demo'], { cwd: repository, env, extendEnv: false, reject: false });
      await poll(
        () => processesOf(environment.directory),
        (all) => all.some((one) => one.commandLine.includes('supervisor.js')),
        'a supervisor',
      );
      demo.kill('SIGKILL');
      await demo;
      await nothingLeft(place);
      expect(await untilNoProcessOf(environment.directory, 5_000)).toEqual([]);
    });

  test('Ctrl-C in the middle ends and clears away everything', async ({ place }) => {
    const terminal = await place.terminal(['demo'], SCREEN);
    await shows(terminal, '2 agents · 3');
    await terminal.keys('C-c');
    await shows(terminal, 'Interrupted.');
    await terminal.ends(130, 60_000);
    expect(places(place)).toEqual([]);
  });

  test('a terminal that is closed takes it away', async ({ place }) => {
    const terminal = await place.terminal(['demo'], SCREEN);
    await shows(terminal, '■ Three agents');
    await terminal.close();
    await nothingLeft(place);
  });
});
