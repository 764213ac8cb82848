import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectError, openWorld, UP, type World } from './world.ts';

/** A module that is found from the checkout alone: worktrees have no node_modules. */
const MODULE = {
  '.gitignore': 'node_modules\n',
  'node_modules/reg/package.json': '{"name": "reg", "main": "i.mjs"}\n',
  'node_modules/reg/i.mjs': '\n',
};
const LOADS = '--import reg/i.mjs';
const SETTINGS = 'agents: {worker: {kind: shell, count: 1, intensity: 1, backoff: 100ms}}\nstopGrace: 1s\n';

describe('the environment of a person', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': SETTINGS } } });
    await world.repository.write(MODULE);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('NODE_OPTIONS reaches their commands, and keeps no program of swarm from starting', async () => {
    const { variables } = world.environment;
    variables['NODE_OPTIONS'] = LOADS;
    variables['SSH_AUTH_SOCK'] = '/old';
    await world.ok(UP);
    const id = await world.shell('echo "options: $NODE_OPTIONS, agent: $SSH_AUTH_SOCK"');
    await world.done(id);
    expect((await world.task(id)).result?.summary).toContain(`options: ${LOADS}, agent: /old`);
  });

  test('what is renewed by up counts for the next command, without a restart', async () => {
    const { variables } = world.environment;
    delete variables['NODE_OPTIONS'];
    variables['SSH_AUTH_SOCK'] = '/new';
    await world.ok(UP);
    const id = await world.shell('echo "agent: $SSH_AUTH_SOCK"');
    await world.done(id);
    expect((await world.task(id)).result?.summary).toContain('agent: /new');
    expect((await world.status()).agents[0]?.restarts).toBe(0);
  });

  test('a checkout that is called bare by accident can be looked at and ended; up says what mends it', async () => {
    await world.repository.git('config', 'core.bare', 'true');
    expectError(await world.run(UP), 1, /core\.bare = true/, /config core\.bare false/);
    expect((await world.ok(['status'])).stdout).toContain('worker-1');
    await world.ok(['logs', 'worker-1']);
    expect((await world.ok(['down'])).stdout).not.toContain('was not up');
    await world.repository.git('config', 'core.bare', 'false');
  });

  test('a wrapper that dies before its log is open tells why, in up, status and logs', async () => {
    const { variables } = world.environment;
    variables['SWARM_NODE_OPTIONS'] = LOADS;
    const up = await world.run(UP);
    delete variables['SWARM_NODE_OPTIONS'];
    expect(up.exitCode).toBe(1);
    const words = "Cannot find package 'reg'";
    expect(up.stdout).toContain(words);
    expect(up.stdout).toMatch(/Next: .* logs worker-1/);
    expect((await world.status()).agents[0]?.reason).toContain(words);
    const log = (await world.ok(['logs', 'worker-1'])).stdout;
    expect(log).toContain(words);
    expect(log).toContain('Node.js v');
  });
});

describe('what no waiting mends', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({
      repository: { files: { 'a.bin': 'x\n', '.gitattributes': '*.bin filter=big\n', 'swarm.yaml': SETTINGS } },
    });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('a filter whose program is missing fails the agent at once, with the cure', async () => {
    await world.repository.git('config', 'filter.big.smudge', 'no-such-filter smudge %f');
    await world.repository.git('config', 'filter.big.clean', 'cat');
    await world.repository.git('config', 'filter.big.required', 'true');
    const up = await world.run(UP);
    expect(up.exitCode, `${up.stdout}${up.stderr}`).toBe(1);
    const [agent] = (await world.status()).agents;
    expect(agent).toMatchObject({ status: 'failed', restarts: 0 });
    expect(agent?.reason).toContain("external filter 'no-such-filter smudge %f' failed 127\nInstall the program");
    expect(up.stdout).toContain('Install the program of that filter');
    const steps = (await world.ok(['events', '--json', '--lines', '1000'])).stdout.split('\n');
    expect(steps.filter((line) => line.includes('agent.step-failed'))).toHaveLength(1);
    await world.ok(['down']);
  });

  test('a place where no worktree can be made is refused before anything is started', async () => {
    const file = path.join(world.environment.directory, 'a-file');
    await writeFile(file, '');
    await world.repository.write({ 'swarm.yaml': `${SETTINGS}worktree: {dir: ${file}}\n` });
    expectError(await world.run(UP), 1, /no worktree can be made in .*a-file: .* is no directory/, /worktree\.dir/);
    expect((await world.status()).supervisor.pid).toBeNull();
    await rm(file);
  });
});
