import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { swarmScript } from '../support/swarm.ts';
import {
  expectError,
  find,
  inside,
  kill,
  killEverything,
  openWorld,
  outcomes,
  poll,
  SHELL_WORKER,
  swarmProcesses,
  UP,
  wrapperPid,
  type StatusView,
  type World,
} from './world.ts';

/**
 * A former `up` gave up after this time, when it looked for a supervisor that was in another directory all the while.
 */
const SOON_MS = 20_000;

/** Swarms without tasks need no broker, whose start and stop take longer than everything else. */
const NO_BROKER = 'broker: {url: "amqp://127.0.0.1:1"}\n';

let world: World;
async function open(settings: string): Promise<void> {
  world = await openWorld({ repository: { files: { 'swarm.yaml': `${SHELL_WORKER}stopGrace: 1s\n${settings}` } } });
  for (const name of ['run2', 'tmp2']) await mkdir(inside(world, name), { mode: 0o700 });
}
afterEach(() => world[Symbol.asyncDispose]());

type Shell = Record<string, string | undefined>;

/**
 * Shells with other variables, as of a login, cron, `su`, `ssh HOST COMMAND` and nix-shell. The world's own shell has
 * both variables.
 */
const otherShells = (): [name: string, variables: Shell][] => [
  ['another XDG_RUNTIME_DIR', { XDG_RUNTIME_DIR: inside(world, 'run2') }],
  ['no XDG_RUNTIME_DIR', { XDG_RUNTIME_DIR: undefined }],
  ['another TMPDIR', { XDG_RUNTIME_DIR: undefined, TMPDIR: inside(world, 'tmp2') }],
  ['neither', { XDG_RUNTIME_DIR: undefined, TMPDIR: undefined }],
];
const another = (): Shell => ({ XDG_RUNTIME_DIR: inside(world, 'run2') });

/** Files of swarm outside of the first shell's directories. */
async function elsewhere(): Promise<string[]> {
  const { hash } = (await world.status()).project;
  const shared = `/tmp/swarm-${process.getuid?.() ?? 0}/${hash}`;
  const found = await Promise.all(
    [inside(world, 'run2'), inside(world, 'tmp2'), inside(world, 'tmp')].map((place) =>
      find(place, '-mindepth', '1', '-path', '*swarm*'),
    ),
  );
  return [...found.flat(), ...(existsSync(shared) ? [shared] : [])];
}

const statusFrom = async (variables: Shell): Promise<StatusView> =>
  (await world.ok(['status', '--json'], { variables })).json<StatusView>();
const supervisors = (): number[] =>
  swarmProcesses(world)
    .filter(({ commandLine }) => commandLine.includes('supervisor.js --root'))
    .map(({ pid }) => pid);
const recordFile = async (): Promise<string> => {
  const [db = ''] = await find(world.environment.stateHome, '-name', 'swarm.db');
  return path.join(path.dirname(db), 'runtime.json');
};

test('what is up is found, used and ended from each shell of the user', async () => {
  await open('');
  await world.ok(UP);
  const { supervisor } = await world.all('idle');
  for (const [name, variables] of otherShells()) {
    expect((await statusFrom(variables)).supervisor, name).toEqual(supervisor);
    const added = await world.ok(['task', 'add', '--json', 'x', '--', 'true'], { variables });
    const { id } = added.json<{ id: string }>();
    await world.ok(['task', 'wait', id], { variables });
    const again = await world.ok(UP, { variables: { ...variables, MARKER: name } });
    expect(again.durationMs, name).toBeLessThan(SOON_MS);
    expect((await world.status()).supervisor, name).toEqual(supervisor);
    // As ever, a later start has the environment of the last `up`.
    const [kept = '', ...others] = await find(world.environment.directory, '-name', 'env.json');
    expect(others, name).toEqual([]);
    expect(JSON.parse(await readFile(kept, 'utf8'))).toMatchObject({ MARKER: name });
    const doctor = await world.run(['doctor', '--json'], { variables });
    const { findings } = doctor.json<{ findings: { text: string }[] }>();
    const aboutIt = findings.filter(({ text }) => text.includes(`(pid ${supervisor.pid})`));
    // On a machine that is busy with other things, the supervisor may also be too slow for doctor.
    expect(aboutIt, name).toMatchObject([{ text: expect.stringMatching(/^the supervisor /) as string }]);
    expect(await elsewhere(), name).toEqual([]);
  }
  const down = await world.ok(['down'], { variables: { XDG_RUNTIME_DIR: undefined, TMPDIR: undefined } });
  expect(down.stdout).toContain('is down');
  expect(swarmProcesses(world)).toEqual([]);
  expect((await statusFrom({})).supervisor.state).toBe('down');
});

test('a user whose number has no name, as in many a container, is one like any other', async () => {
  await open(NO_BROKER);
  const launcher = ['unshare', '--map-user=54321', '--map-group=54321', swarmScript] as const;
  await world.ok(UP, { launcher });
  await world.all('idle');
  const missing = async (options = {}): Promise<string[]> => {
    const doctor = await world.run(['doctor', '--json'], options);
    const { findings } = doctor.json<{ findings: { check: string; severity: string }[] }>();
    return findings.filter(({ severity }) => severity === 'error').map(({ check }) => check);
  };
  expect(await missing({ launcher })).toEqual(await missing());
  expect((await world.ok(['down'], { launcher })).stdout).toContain('is down');
  expect(swarmProcesses(world)).toEqual([]);
});

test('a shell that comes after a down decides anew, and the first one finds it there', async () => {
  await open(NO_BROKER);
  await world.ok(UP);
  await world.ok(['down']);
  await world.ok(UP, { variables: another() });
  expect(await find(inside(world, 'run2'), '-name', 'api.sock')).toHaveLength(1);
  expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  expect((await statusFrom({})).supervisor.state).toBe('up');
  await world.ok(['down']);
  expect(swarmProcesses(world)).toEqual([]);
});

test('the supervisor killed: up in another shell takes over what lives, and the task ends in its first attempt', async () => {
  await open('');
  await world.ok(UP);
  const gate = inside(world, 'open');
  const id = await world.shell(`while [ ! -e ${gate} ]; do sleep 0.05; done; echo through > it.txt`);
  await world.until(id, 'running');
  const wrapper = await wrapperPid(world, 'worker-1');
  const { pid } = (await world.status()).supervisor;
  // The wrapper must not start the next supervisor itself, or be quicker than this `up`.
  kill(wrapper, 'SIGSTOP');
  kill(pid);
  const up = world.ok(UP, { variables: another() });
  await poll(supervisors, (pids) => pids.length > 0 && !pids.includes(pid ?? 0), 'another supervisor');
  kill(wrapper, 'SIGCONT');
  await up;
  expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
  expect(await elsewhere()).toEqual([]);

  // By the wrapper this time, which has the environment of the first shell.
  kill((await world.status()).supervisor.pid);
  for (const [name, variables] of otherShells())
    expect((await world.ok(['task', 'show', id, '--json'], { variables })).json(), name).toMatchObject({ id });
  await writeFile(gate, '');
  await world.ok(['task', 'wait', id], { variables: { XDG_RUNTIME_DIR: undefined } });
  expect(outcomes(await world.task(id))).toEqual(['done']);
  expect(await elsewhere()).toEqual([]);
});

test('what a crash of everything left is not believed: the next up goes by its own shell', async () => {
  await open(NO_BROKER);
  await world.ok(UP);
  await killEverything(world);
  expect((await statusFrom(another())).supervisor.state).toBe('down');
  expect((await world.ok(['down'], { variables: another() })).stdout).toContain('was not up');
  await world.ok(UP, { variables: another() });
  expect(await find(inside(world, 'run2'), '-name', 'api.sock')).toHaveLength(1);
  expect((await statusFrom({})).supervisor.state).toBe('up');
  await killEverything(world);
  // As a reboot does with a file system in memory.
  await rm(inside(world, 'run2'), { recursive: true });
  await world.ok(UP);
  expect((await statusFrom(another())).supervisor.pid).toBe((await world.status()).supervisor.pid);
});

test('two ups at once from two shells bring up one swarm, and leave the environment in one place', async () => {
  await open(NO_BROKER);
  await Promise.all([world.ok(UP), world.ok(UP, { variables: another() })]);
  await poll(supervisors, (pids) => pids.length === 1, 'one supervisor to be left');
  expect((await statusFrom({})).supervisor).toEqual((await statusFrom(another())).supervisor);
  for (const name of ['env.json', 'api.sock'])
    expect(await find(world.environment.directory, '-name', name), name).toHaveLength(1);
  await world.ok(['down'], { variables: another() });
});

test('the runtime directory removed as at a logout: nothing ends, nothing is said to be down, and all of it is made anew', async () => {
  await open('');
  await world.ok(UP);
  const gate = inside(world, 'open');
  const id = await world.shell(`while [ ! -e ${gate} ]; do sleep 0.05; done; echo through > it.txt`);
  await world.until(id, 'running');
  const wrapper = await wrapperPid(world, 'worker-1');
  const { runtimeDir } = world.environment;
  const { pid } = (await world.status()).supervisor;
  const files = async (): Promise<string[]> => (await find(runtimeDir, '-mindepth', '3')).toSorted();
  const before = await files();
  await rm(runtimeDir, { recursive: true });
  // A file in its place: no directory can be made there.
  await writeFile(runtimeDir, '');
  const [status, down] = await Promise.all([world.run(['status'], { variables: another() }), world.run(['down'])]);
  for (const ended of [status, down]) expectError(ended, 1, /supervisor of repo is there/);

  await rm(runtimeDir);
  await mkdir(runtimeDir, { mode: 0o700 });
  await poll(files, (now) => now.join() === before.join(), `${before.join(', ')} to be there again`);
  expect((await statusFrom(another())).supervisor.pid).toBe(pid);
  expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
  // The next supervisor knows the wrapper by the directory that was made anew.
  kill(pid);
  await poll(supervisors, (pids) => pids.length === 1 && pids[0] !== pid, 'the next supervisor');
  await writeFile(gate, '');
  await world.ok(['task', 'wait', id]);
  expect(outcomes(await world.task(id))).toEqual(['done']);
  expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
});

test('while the lock is held and no supervisor answers, no verb says that nothing is up', async () => {
  await open(NO_BROKER);
  await world.ok(UP);
  await world.ok(['down']);
  expect(existsSync(await recordFile())).toBe(false);
  // As a supervisor of an older version does that another shell has started.
  using lock = new DatabaseSync((await recordFile()).replace('runtime.json', 'lock.db'));
  lock.exec('BEGIN EXCLUSIVE');
  const [status, down, added, up] = await Promise.all(
    [['status'], ['down'], ['task', 'add', 'x', '--', 'true'], UP].map((args) => world.run(args)),
  );
  for (const ended of [status, down, added, up]) {
    if (ended === undefined) throw new Error('four were started');
    expectError(ended, 1, /supervisor of repo is there/, /swarm doctor/);
    expect(ended.durationMs).toBeLessThan(SOON_MS);
  }
});
