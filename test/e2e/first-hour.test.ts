import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../support/environment.ts';
import { script } from './script.ts';
import { swarmScript } from '../support/swarm.ts';
import { openTerminal } from './terminal.ts';
import {
  expectError,
  find,
  inside,
  kill,
  openAccount,
  openWorld,
  poll,
  SHELL_WORKER,
  swarmProcesses,
  UP,
  wrapperPid,
  type Account,
  type World,
} from './world.ts';

let account: Account;
let world: World;

beforeAll(async () => {
  account = await openAccount();
});
afterAll(() => account[Symbol.asyncDispose]());

/** No test here may hang on a question without a person. */
const SOON = { timeoutMs: 30_000 };

describe('without a terminal', () => {
  beforeAll(async () => {
    world = await openWorld({
      account,
      repository: {
        files: {
          'swarm.yaml':
            'agents: {worker: {kind: shell, count: 1}}\nverify: {check: ["true"], never: ["false"]}\ndefaultVerify: check\n',
        },
      },
    });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('nothing waits for an answer that cannot come: each says what to say instead', async () => {
    expectError(
      await world.run(['up'], SOON),
      2,
      /verify\.check: \["true"\]\n.*verify\.never: \["false"\]/,
      /programs in .*swarm\.yaml are not approved/,
      /swarm up --yes`/,
    );
    expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
    // With no terminal to paint on, `up` ends with the table.
    const up = await world.ok(['up', '--yes'], SOON);
    expect(up.stdout).toMatch(/worker-1 +idle.*Next: .*swarm task add/s);

    expectError(await world.run(['attach', 'worker-1'], SOON), 2, 'attach needs a terminal', /without .* a pipe/);
    expectError(await world.run(['grid'], SOON), 2, 'needs a terminal', /without .* a pipe/);
    expectError(
      await world.run(['rollback', 'worker-1'], SOON),
      1,
      'worker-1 has no checkpoint to go back to',
      /swarm checkpoint worker-1`/,
    );
    await world.ok(['checkpoint', 'worker-1', '-m', 'now']);
    expectError(
      await world.run(['rollback', 'worker-1'], SOON),
      2,
      'which checkpoint of worker-1?',
      /swarm checkpoint ls worker-1`/,
    );
    const init = await world.run(['init'], SOON);
    expectError(init, 2, 'swarm.yaml is there already', /swarm init --force`/);
  });

  test('what verifies a task is shown, and that the check failed is told while one waits', async () => {
    await world.ok(UP);
    const asked = await world.add('for a model');
    expect((await world.ok(['task', 'show', asked])).stdout).toMatch(/verify +check \(the default of swarm\.yaml\)/);
    const gate = path.join(world.environment.directory, 'go');
    const waits = `until [ -e ${gate} ]; do sleep 0.1; done`;
    const id = await world.add('gated', '--verify', 'never', '--retries', '0', '--', 'sh', '-c', waits);
    expect((await world.ok(['task', 'show', id])).stdout).toMatch(/verify +never/);
    // Without its t, which people leave out.
    const { variables: env } = world.environment;
    const argv = ['task', 'wait', id.slice(1), '--timeout', '60s'];
    const waiting = execa(swarmScript, argv, { cwd: world.repository.path, env, extendEnv: false, reject: false });
    let said = '';
    waiting.stderr.on('data', (part: Buffer) => (said += part.toString()));
    await poll(
      () => said,
      (text) => text.includes(`task ${id} running`),
      'the wait to begin',
    );
    await writeFile(gate, '');
    const { exitCode, stderr, stdout } = await waiting;
    expect([exitCode, stdout]).toEqual([1, expect.stringMatching(new RegExp(`^${id} dead`))]);
    expect(stderr).toContain(`task ${id} check failed (exit 1): no follow-up is left`);
  });

  test('after an update `up` changes to the new build while agents work on, but not for an agent', async () => {
    await world.ok(['down']);
    const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
    const older = path.join(world.environment.directory, 'older');
    await mkdir(path.join(older, 'dist'), { recursive: true });
    await cp(path.join(repositoryRoot, 'dist', build), path.join(older, 'dist/of-before'), { recursive: true });
    for (const name of ['tmux.conf', 'package.json']) await cp(path.join(repositoryRoot, name), path.join(older, name));
    await world.ok(UP, { variables: { SWARM_SUPERVISOR_PROGRAM: path.join(older, 'dist/of-before/supervisor.js') } });
    const gate = inside(world, 'gate');
    const id = await world.shell(`until [ -e '${gate}' ]; do sleep 0.1; done`);
    await world.until(id, 'running');
    const updated = /swarm was updated since it came up here: `\S*swarm up` changes to the new one/;
    expect((await world.ok(['status'])).stderr).toMatch(updated);
    const [before, wrapper] = [await world.status(), await wrapperPid(world, 'worker-1')];
    expect((await world.ok(UP, { variables: { SWARM_MARK: 'p/worker-1/t1/1' } })).stderr).toMatch(updated);
    expect((await world.status()).supervisor.pid).toBe(before.supervisor.pid);

    expect((await world.ok(UP)).stderr).toContain('changing to this build of swarm');
    const after = await world.status();
    expect(after.supervisor.epoch).toBe((before.supervisor.epoch ?? 0) + 1);
    expect(after.agents[0]).toMatchObject({ pid: before.agents[0]?.pid, task: id, restarts: 0 });
    // Its wrapper, of the build before, starts the new one again. What it has begun meanwhile gives way first.
    await poll(
      () => swarmProcesses(world).filter(({ commandLine }) => commandLine.includes('of-before/supervisor.js')),
      (left) => left.length === 0,
      'supervisors of the build before to have gone',
    );
    kill(after.supervisor.pid);
    const back = await poll(
      world.status,
      ({ supervisor: { pid } }) => pid !== null && pid !== after.supervisor.pid,
      'a supervisor to be back',
    );
    expect(back.supervisor).toMatchObject({ state: 'up', buildId: build });
    expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
    await writeFile(gate, '');
    await world.done(id);
    expect((await world.ok(UP)).stderr).not.toMatch(/updated|changing/);
  });
});

describe('while it is down', () => {
  beforeAll(async () => {
    world = await openWorld({ account });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('tasks, checkpoints and events are read where they lie; nothing is started, nothing is left beside them', async () => {
    for (const verb of [['task', 'ls'], ['task', 'show', 't1'], ['checkpoint', 'ls', 'worker-1'], ['events']])
      expectError(await world.run(verb), 1, 'swarm is not up for this repository', /swarm up`/);
    await world.ok(UP);
    const id = await world.shell('echo done > done.txt');
    await world.done(id);
    await world.ok(['checkpoint', 'worker-1', '-m', 'by hand']);
    const verbs = [
      ['task', 'ls', '--json'],
      ['task', 'show', id, '--json'],
      ['checkpoint', 'ls', 'worker-1', '--json'],
    ];
    const live = [];
    for (const verb of verbs) live.push((await world.ok(verb)).json());
    await world.ok(['down']);

    const files = (await find(world.environment.stateHome, '-name', 'swarm.db*')).toSorted();
    for (const [at, verb] of verbs.entries()) expect((await world.ok(verb)).json()).toEqual(live[at]);
    const shown = await world.ok(['task', 'ls']);
    expect(shown.stdout).toMatch(new RegExp(`${id} +done`));
    expect(shown.stderr).toMatch(/repo is not up: this is how it was left.*swarm up`/);
    expect((await world.ok(['events', '--task', id])).stdout).toContain('task.done');
    expectError(await world.run(['task', 'show', 't9']), 2, /no task "t9"/, new RegExp(id));
    expectError(await world.run(['checkpoint', 'ls', 'woker-1']), 2, /no agent woker-1/, /worker-1/);
    expectError(await world.run(['task', 'cancel', id]), 1, 'swarm is not up for this repository', /swarm up`/);
    expect((await find(world.environment.stateHome, '-name', 'swarm.db*')).toSorted()).toEqual(files);
    expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  });
});

describe('on a terminal', () => {
  beforeAll(async () => {
    world = await openWorld({ account });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('up ends in the dashboard; q leaves it, says how to come back, and the agents go on', async () => {
    await using terminal = await openTerminal(world, ['up']);
    await terminal.shows(/2 agents · 1/);
    await terminal.shows(/worker-1 .*idle/);
    await terminal.keys('q');
    expect(await terminal.exitCode()).toBe(0);
    await terminal.shows(/repo works on\. Back to the dashboard: .*swarm dash; to end it: .*swarm down/);
    expect((await world.status()).agents).toMatchObject([{ id: 'worker-1', status: 'idle', restarts: 0 }]);
  });

  test('attach inside a tmux of the person’s own: the way back is on the screen, and it leads back', async () => {
    await world.ok(UP);
    await using terminal = await openTerminal(world, ['attach', 'worker-1'], { insideTmux: true });
    await terminal.shows(/back: Ctrl-b Ctrl-b d/);
    await terminal.keys('C-b', 'C-b', 'd');
    await terminal.shows('[exited]');
    expect(await terminal.exitCode()).toBe(0);
    expect((await world.status()).agents).toMatchObject([{ id: 'worker-1', status: 'idle', restarts: 0 }]);
  });

  test('attach alone: the shorter way back', async () => {
    await world.ok(UP);
    await using terminal = await openTerminal(world, ['attach', 'worker-1']);
    await terminal.shows(/back: Ctrl-b d$/);
    await terminal.keys('C-b', 'd');
    expect(await terminal.exitCode()).toBe(0);
  });
});

describe('the dashboard over a real supervisor', () => {
  beforeAll(async () => {
    world = await openWorld({
      repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': 'agents: {worker: {count: 1}}\n' } },
      script,
    });
    await world.ok(UP);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('a task by command, a permission by one key, a question in words, a terminal and back, the help, and out', async () => {
    await using terminal = await openTerminal(world, ['dash']);
    await terminal.shows(/1 needs you · nothing/);

    await terminal.type(':task add permitted');
    await terminal.keys('Enter');
    await terminal.shows(/task t1 added/);
    await terminal.shows(/1 needs you · 1/);
    await terminal.shows(/python3/);
    // A question that has just appeared takes no key: it must be read first.
    await poll(
      async () => {
        await terminal.keys('1', 'a');
        return (await world.status()).needsYou.length;
      },
      (open) => open === 0,
      'the permission to be given',
    );
    await world.done('t1');
    expect(await world.show('t1', 'permitted.txt')).toBe('42');

    await terminal.type(':task add asks');
    await terminal.keys('Enter');
    await terminal.shows(/Which colour shall it be\?/);
    await poll(
      async () => {
        await terminal.keys('1', 'a');
        return await terminal.screen();
      },
      (screen) => screen.includes('answer to worker-1:'),
      'the line for the answer',
    );
    await terminal.keys('C-u');
    await terminal.type('green');
    await terminal.keys('Enter');
    await terminal.shows(/worker-1: answered/);
    await world.done('t2');
    expect(await world.show('t2', 'colour.txt')).toBe('green');

    await terminal.keys('2', 'Enter');
    await terminal.shows(/back: Ctrl-b d/);
    await terminal.keys('C-b', 'd');
    await terminal.shows(/2 agents · 1/);

    await terminal.keys('?');
    await terminal.shows(/a command: add a task/);
    await terminal.keys('?');
    await terminal.shows(/3 tasks · 2 done/);
    await terminal.keys('q');
    expect(await terminal.exitCode()).toBe(0);
    expect((await world.status()).agents).toMatchObject([{ id: 'worker-1', status: 'idle', restarts: 0 }]);
  });
});

describe('what was begun and never used', () => {
  beforeAll(async () => {
    world = await openWorld({
      repository: { files: { 'swarm.yaml': `${SHELL_WORKER}verify: {check: ["true"]}\n` } },
    });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('a supervisor without any order ends by itself', async () => {
    // Makes the directories and stops at the question.
    expect(
      (
        await world.run(
          UP.filter((word) => word !== '--yes'),
          SOON,
        )
      ).exitCode,
    ).toBe(2);
    const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
    const program = path.join(repositoryRoot, 'dist', build, 'supervisor.js');
    const { variables: env } = world.environment;
    const ended = execa(process.execPath, [program, '--root', world.repository.path], {
      cwd: world.repository.path,
      env,
      extendEnv: false,
      timeout: 30_000,
    });
    await poll(
      () => find(world.environment.runtimeDir, '-name', 'api.sock'),
      (found) => found.length > 0,
      'an API',
    );
    expect((await world.status()).supervisor.state).toBe('stopping');
    expect((await ended).exitCode).toBe(0);
    expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  });

  test('a state directory below which nothing can be made is named at once', async () => {
    const ended = await world.run(UP, { ...SOON, variables: { XDG_STATE_HOME: '/proc/sys' } });
    expectError(ended, 1, '/proc/sys/swarm cannot be made', /XDG_STATE_HOME/);
    const broker = await world.run(['broker', 'start'], { ...SOON, variables: { XDG_STATE_HOME: '/proc/sys' } });
    expectError(broker, 1, '/proc/sys/swarm', /XDG_STATE_HOME/);
  });
});
