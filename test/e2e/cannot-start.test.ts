import { copyFile, mkdir, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectError, inside, kill, openWorld, outcomes, poll, tmux, UP, wrapperPid, type World } from './world.ts';

let world: World;

/** Makes a link to the program of that name, which can be taken away from swarm alone. */
async function link(name: string): Promise<string> {
  const { stdout } = await execa('which', [name], { env: world.environment.variables, extendEnv: false });
  await mkdir(inside(world, 'links'), { recursive: true });
  const place = inside(world, 'links', name);
  await rm(place, { force: true });
  await symlink(stdout, place);
  return place;
}

const agent = async () => (await world.status()).agents.find(({ id }) => id === 'worker-1');
const failed = () => poll(agent, (seen) => seen?.status === 'failed', 'worker-1 to have failed');
const dead = (program: string, cure: string) => `${program} cannot be started: there is no such file.\n${cure}`;
const GOES_ON = 'It goes on by itself then, with `swarm restart worker-1` at once.';

describe('Claude Code that is gone', () => {
  beforeAll(async () => {
    world = await openWorld();
    const claude = await link('claude');
    await world.repository.write({ 'swarm.yaml': `agents: {worker: {count: 1, command: ["${claude}"]}}\n` });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('its agent has failed at once, with the path and the cure; what waits for it goes on when it is back', async () => {
    const claude = inside(world, 'links', 'claude');
    await world.ok(UP);
    await rm(claude);
    kill((await agent())?.pid ?? null);
    const seen = await failed();
    const message = `${claude} cannot be started: there is no such file (ENOENT).`;
    const cure = `Install Claude Code with \`npm install -g @anthropic-ai/claude-code\`, or correct the command of its role in swarm.yaml. ${GOES_ON}`;
    expect(seen).toMatchObject({ reason: `${message}\n${cure}`, restarts: 1 });
    expect((await world.ok(['explain', 'worker-1'])).stdout).toContain(`${message}\n`);
    expect((await world.ok(['logs', 'worker-1'])).stdout).toContain(message.slice(0, -1));
    expectError(await world.run(UP), 1, `${claude} cannot be started: there is no such file`, /npm install -g/);

    const id = await world.add('a task');
    await world.ok(['restart', 'worker-1']);
    expect((await failed())?.restarts).toBe(1);
    // An attempt that was begun meanwhile was given back, which counts for nothing.
    expect(outcomes(await world.until(id, 'ready')).filter((outcome) => outcome !== 'released')).toEqual([]);

    await link('claude');
    await world.ok(['restart', 'worker-1']);
    await world.until(id, 'running');
    expect((await agent())?.restarts).toBe(1);
    await world.ok(['task', 'cancel', id]);
  });
});

describe('programs of swarm itself, and of tasks', () => {
  beforeAll(async () => {
    world = await openWorld();
    const program = await link('tmux');
    await world.repository.write({
      'swarm.yaml': `agents: {worker: {kind: shell, count: 1}}
tmux: {program: "${program}"}
verify: {check: [no-such-check]}
alerts: {command: [no-such-alert]}
`,
    });
    const node = inside(world, 'node');
    await copyFile(process.execPath, node);
    world.environment.variables['SWARM_NODE'] = node;
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('a task whose program, or that of its check, cannot be started is not tried again; up names what will fail', async () => {
    const up = await world.ok(UP);
    expect(up.stderr).toMatch(
      /note: alerts\.command: no-such-alert cannot be started: there is no such program on PATH\. No alert is passed on by it\. Install it/,
    );
    expect(up.stderr).toMatch(/note: verify\.check: no-such-check cannot be started/);
    const own = await world.add('own', '--', 'no-such-program');
    const checked = await world.add('checked', '--verify', 'check', '--', 'true');
    for (const [id, program] of [
      [own, 'no-such-program'],
      [checked, 'no-such-check'],
    ] as const) {
      const task = await world.until(id, 'dead');
      expect(outcomes(task), id).toEqual(['failed']);
      expect(task.reason).toMatch(`not tried again: ${program} cannot be started: there is no such program on PATH`);
      expect(task.attempts[0]?.error).toContain(`swarm task retry ${id}`);
    }
  });

  test('without the Node of its wrapper an agent has failed at once, and is back as soon as that is', async () => {
    const node = inside(world, 'node');
    await rename(node, `${node}.gone`);
    kill(await wrapperPid(world, 'worker-1'));
    const cure = 'Install swarm anew, or run any of its commands where it sets itself up.';
    expect((await failed())?.reason).toBe(`${dead(node, cure)} ${GOES_ON}`);
    const { variables } = world.environment;
    delete variables['SWARM_NODE'];
    expect((await world.ok(['logs', 'worker-1'])).stdout).toContain(`${node} cannot be started`);
    await poll(
      async () => (await world.ok(['status'])).stdout,
      (text) => /degraded: alerts\.command: an alert did not get through, no-such-alert cannot be started/.test(text),
      'the alert to be missed',
    );
    variables['SWARM_NODE'] = node;
    await rename(`${node}.gone`, node);
    await world.all('idle');
  });

  test('without tmux, too, once its server has gone', async () => {
    const program = path.join(inside(world, 'links'), 'tmux');
    await rm(program);
    kill(Number(await tmux(world.environment, 'display-message', '-p', '#{pid}')));
    expect((await failed())?.reason).toBe(
      `${dead(program, 'Install it, or correct tmux.program in swarm.yaml.')} ${GOES_ON}`,
    );
    await link('tmux');
    await world.all('idle');
  });
});
