import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { swarmScript } from '../support/swarm.ts';
import { find, inside, openWorld, poll, UP, wrapperPid, type World } from './world.ts';

/** Each program that swarm runs for the project writes its environment down. */
const noting = (what: string): string => `[sh, -c, "env >$HOME/seen.${what}"]`;
const SETTINGS = `
agents: {worker: {kind: shell, count: 1}}
worktree: {setup: [${noting('setup')}], teardown: [${noting('teardown')}]}
verify: {note: ${noting('verify')}}
alerts: {command: ${noting('alert')}}
`;
/** Variables of the person's for every program: how a remote is reached, the author of commits, settings. */
const PERSONS = {
  GIT_SSH_COMMAND: 'ssh -i /keys/of/mine',
  GIT_ASKPASS: '/bin/false',
  GIT_AUTHOR_NAME: 'The Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'The Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'swarm.test',
  GIT_CONFIG_VALUE_0: 'of the shell',
};

describe('called as an alias of git in a linked worktree, with another index in the environment', () => {
  let world: World;
  let linked: string;
  let here: { branch: string; status: string; other: string };

  /** The command as the person types it. Git sets GIT_DIR for an alias in a linked worktree. */
  const typed = (...args: string[]) =>
    execa('git', ['-c', 'swarm.asked=by the command line', 'sw', ...args], {
      cwd: linked,
      env: {
        ...world.environment.variables,
        ...PERSONS,
        // As in hooks of git.
        GIT_INDEX_FILE: inside(world, 'other.index'),
      },
      extendEnv: false,
    });
  const state = async () => ({
    branch: await world.repository.git('log', '--format=%s', 'feature'),
    status: await gitThere('status', '--porcelain'),
    other: (await find(world.environment.directory, '-maxdepth', '1', '-name', 'other.index')).join(),
  });
  const gitThere = async (...args: string[]): Promise<string> =>
    (await execa('git', args, { cwd: linked, env: world.environment.variables, extendEnv: false })).stdout;

  beforeAll(async () => {
    world = await openWorld({ repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': SETTINGS } } });
    linked = inside(world, 'linked');
    await world.repository.git('config', 'alias.sw', `!${swarmScript}`);
    await world.repository.git('worktree', 'add', '-q', '-b', 'feature', linked);
    here = await state();
    await typed(...UP);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('a task that commits does so on its own branch, and the person has what they had', async () => {
    const id = await world.shell(
      'echo x >made; git add made; git commit -qm "by the agent"; git rev-parse --show-toplevel',
    );
    await world.done(id);
    const { result } = await world.task(id);
    expect(result?.summary).toContain(`${world.repository.path}.swarm/worker-1`);
    expect(await world.repository.git('log', '-1', '--format=%an', `swarm/task/${id}`)).toBe('The Person');
    expect(await world.repository.git('log', '--format=%s', `swarm/task/${id}`)).toContain('by the agent');
    expect(await state()).toEqual(here);
  });

  test('neither set-up, teardown, verify and alert commands nor swarm itself are told of that repository', async () => {
    const id = await world.add('looks', '--verify', 'note', '--', 'sh', '-c', 'env >$HOME/seen.task');
    await world.done(id);
    const wrapper = await wrapperPid(world, 'worker-1');
    const { supervisor } = await world.status();
    for (const pid of [wrapper, supervisor.pid]) expectOwnRepository(readFileSync(`/proc/${pid}/environ`, 'utf8'));
    await writeFile(path.join(world.repository.path, 'swarm.yaml'), 'agents: 7\n');
    await seen('alert');
    await world.repository.git('checkout', '-q', 'swarm.yaml');
    await world.ok(['rm', 'worker-1']);
    for (const what of ['task', 'verify', 'setup', 'alert', 'teardown']) {
      const environment = await seen(what);
      expectOwnRepository(environment);
      for (const [name, value] of Object.entries(PERSONS))
        if (name !== 'GIT_CONFIG_COUNT') expect(environment, what).toContain(`${name}=${value}\n`);
      // Settings on git's command line hold for every program that it starts.
      expect(environment, what).toContain("GIT_CONFIG_PARAMETERS='swarm.asked'='by the command line'\n");
    }
    expect(await state()).toEqual(here);
  });

  const seen = (what: string): Promise<string> =>
    poll(
      () => readFile(path.join(world.environment.home, `seen.${what}`), 'utf8').catch(() => ''),
      (text) => text.endsWith('\n'),
      `${what} to have run`,
    );
});

function expectOwnRepository(environment: string): void {
  const names = environment.split(/[\n\0]/).map((line) => line.split('=')[0]);
  expect(names).toContain('PATH');
  for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX']) expect(names).not.toContain(name);
}
