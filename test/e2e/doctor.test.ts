import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isolatedEnvironment, type IsolatedEnvironment } from '../support/environment.ts';
import { processesOf, untilNoProcessOf } from '../support/processes.ts';
import { temporaryRepository, type TemporaryRepository } from '../support/repository.ts';
import { runSwarm, type SwarmRun } from '../support/swarm.ts';

interface FindingView {
  check: string;
  severity: string;
  text: string;
  fix?: string;
}

let environment: IsolatedEnvironment;
let repository: TemporaryRepository;

beforeEach(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  const files = { 'README.md': 'a project\n', 'swarm.yaml': 'agents: {worker: {kind: shell, count: 1}}\n' };
  repository = await temporaryRepository({ parent: environment.directory, files });
});
afterEach(async () => {
  await swarm('down');
  await environment[Symbol.asyncDispose]();
});

const swarm = (...args: string[]): Promise<SwarmRun> =>
  runSwarm(environment, repository.path, args, { timeoutMs: 90_000 });
const projectHash = async (): Promise<string> =>
  (await swarm('status', '--json')).json<{ project: { hash: string } }>().project.hash;

async function examine(
  ...args: string[]
): Promise<{ exitCode: number | null; ok: boolean; all: FindingView[]; of(check: string): FindingView[] }> {
  const ended = await swarm('doctor', '--json', ...args);
  const { ok, findings } = ended.json<{ ok: boolean; findings: FindingView[] }>();
  return { exitCode: ended.exitCode, ok, all: findings, of: (check) => findings.filter((one) => one.check === check) };
}

/** Makes a socket whose owner was killed. */
async function staleSocket(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), 'exit');
}

/** Starts a process as an agent of this project would. */
function marked(mark: string, variables: Record<string, string> = {}): ChildProcess {
  const env = { ...environment.variables, ...variables, SWARM_MARK: mark };
  return spawn('sleep', ['600'], { env, cwd: environment.directory, stdio: 'ignore', detached: true });
}

async function addMissingWorktree(directory: string): Promise<void> {
  await repository.git('worktree', 'add', '-q', '--detach', directory);
  await rm(directory, { recursive: true });
}

const worktrees = async (): Promise<string> => await repository.git('worktree', 'list', '--porcelain');

describe('swarm doctor', () => {
  test('finds nothing in the way where all is well, and leaves nothing behind', async () => {
    const seen = await examine();
    expect(seen.all.filter(({ severity }) => severity === 'error' || severity === 'warning')).toEqual([]);
    expect(seen).toMatchObject({ exitCode: 0, ok: true });
    expect(seen.all.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['git', 'tmux', 'rabbitmq', 'config', 'disk', 'supervisor', 'broker']),
    );
    expect(existsSync(path.join(environment.stateHome, 'swarm'))).toBe(false);
    expect((await swarm('doctor')).stdout).toMatch(/\nok {4}git version .*\n\nNothing is in the way\.\n$/s);
  });

  test('a wrong swarm.yaml blocks, with its line; one that names new programs waits for approval', async () => {
    await repository.write({ 'swarm.yaml': 'agents:\n  worker:\n    kind: shel\n' });
    expect(await examine()).toMatchObject({ exitCode: 1, ok: false });
    expect((await examine()).of('config')).toMatchObject([
      { severity: 'error', text: expect.stringMatching(/swarm\.yaml:3:11: .*"shel"/) as string },
    ]);
    await repository.write({
      'swarm.yaml': 'base: gone\nagents: {worker: {kind: shell}}\nverify: {test: [no-such-program-here, x]}\n',
    });
    const seen = await examine();
    expect(seen.of('config-approval')).toMatchObject([{ severity: 'warning' }]);
    expect(seen.of('config-base')).toMatchObject([{ severity: 'error' }]);
    expect(seen.of('program-missing')).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('no-such-program-here') as string },
    ]);
  });

  test('outside of a repository it says so, and still looks at the programs', async () => {
    const ended = await runSwarm(environment, environment.home, ['doctor', '--json']);
    expect(ended.exitCode).toBe(1);
    const { findings } = ended.json<{ findings: FindingView[] }>();
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['git', 'tmux', 'rabbitmq', 'repository']),
    );
  });

  test('--fix removes left-over sockets and worktrees of swarm, and nothing of others', async () => {
    const runtimeDir = path.join(environment.runtimeDir, 'swarm', await projectHash());
    const [stale, inTheWay] = ['tmux.sock', 'api.sock'].map((name) => path.join(runtimeDir, name)) as [string, string];
    await staleSocket(stale);
    await writeFile(inTheWay, 'not a socket', { mode: 0o600 });
    const [ours, theirs] = [
      path.join(`${repository.path}.swarm`, 'worker-9'),
      path.join(environment.directory, 'theirs'),
    ];
    await addMissingWorktree(ours);
    await addMissingWorktree(theirs);
    await repository.git('remote', 'add', '--mirror=push', 'backup', '/nonexistent');
    // A git of which the lock is as old as this was killed.
    const lock = path.join(repository.path, '.git/reftable/tables.list.lock');
    const young = path.join(repository.path, '.git/index.lock');
    await mkdir(path.dirname(lock), { recursive: true });
    for (const file of [lock, young]) await writeFile(file, '');
    await utimes(lock, 1, 1);

    const before = await examine();
    expect(before).toMatchObject({ exitCode: 1, ok: false });
    expect(before.of('socket-stale')).toMatchObject([{ fix: 'possible' }]);
    expect(before.of('socket-foreign')).toHaveLength(1);
    expect(before.of('worktree-missing')).toMatchObject([
      { fix: 'possible', text: expect.stringContaining(ours) as string },
    ]);
    expect(before.of('git-lock')).toMatchObject([
      { severity: 'error', fix: 'possible', text: expect.stringContaining(lock) as string },
    ]);
    expect(before.of('mirror-remote')).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('backup') as string },
    ]);
    expect(existsSync(stale)).toBe(true);

    const fixed = await examine('--fix');
    expect(fixed.all.filter(({ fix }) => fix !== undefined).map(({ check, fix }) => [check, fix])).toEqual([
      ['socket-stale', 'done'],
      ['git-lock', 'done'],
      ['worktree-missing', 'done'],
    ]);
    expect([stale, inTheWay, lock, young].map((file) => existsSync(file))).toEqual([false, true, false, true]);
    await rm(young);
    expect(await worktrees()).toContain(theirs);
    expect(await worktrees()).not.toContain(ours);
    await rm(inTheWay);
    expect(await examine()).toMatchObject({ exitCode: 0, ok: true });
  });

  test('directories that others could read are closed', async () => {
    await mkdir(path.join(environment.stateHome, 'swarm'), { mode: 0o755 });
    expect((await examine()).of('mode')).toMatchObject([{ severity: 'warning', fix: 'possible' }]);
    // An agent must not repair anything around itself.
    const inside = await runSwarm(environment, repository.path, ['doctor', '--fix'], {
      variables: { SWARM_MARK: 'p/worker-1/-/-' },
    });
    expect([inside.exitCode, inside.stderr]).toEqual([
      1,
      expect.stringContaining("refused inside an agent's environment (worker-1)"),
    ]);
    await examine('--fix');
    expect((await examine()).of('mode')).toEqual([]);
  });

  test('orphans of a dead supervisor are found by their mark and ended; the living are left alone', async () => {
    await swarm('up', '--detach', '--yes');
    await swarm('task', 'add', 'long', '--', 'sleep', '600');
    const sleeps = () => processesOf(environment.directory).filter(({ commandLine }) => commandLine === 'sleep 600');
    await expect.poll(() => sleeps().length).toBe(1);
    const alive = await examine('--fix');
    expect(alive.of('orphans')).toEqual([]);
    expect(alive).toMatchObject({ ok: true });
    expect(sleeps()).toHaveLength(1);

    const programs = processesOf(environment.directory).filter(({ commandLine }) =>
      /(supervisor|wrapper)\.js /.test(commandLine),
    );
    expect(programs).toHaveLength(2);
    for (const { pid } of programs) process.kill(pid, 'SIGKILL');
    const found = await examine();
    expect(found.of('orphans')).toMatchObject([
      {
        severity: 'warning',
        fix: 'possible',
        text: expect.stringMatching(/^1 process of worker-1 in repo /) as string,
      },
    ]);
    expect(found.of('tmux-left')).toHaveLength(1);
    expect(sleeps()).toHaveLength(1);

    const fixed = await examine('--fix');
    expect(fixed.of('orphans')).toMatchObject([{ fix: 'done' }]);
    expect(fixed.of('broker-unused')).toMatchObject([{ fix: 'done' }]);
    // Programs of the tmux server's keeper hear of its end from the kernel.
    expect(await untilNoProcessOf(environment.directory, 5_000)).toEqual([]);
    expect((await examine()).all.filter(({ severity }) => severity === 'warning')).toEqual([]);
    // The task is not lost: it goes on with the next supervisor.
    await swarm('up', '--detach');
    const { state } = (await swarm('task', 'show', 't1', '--json')).json<{ state: string }>();
    expect(['ready', 'retrying', 'leased', 'running']).toContain(state);
  });

  test('the worktree of an agent that is up is told where it was removed', async () => {
    await swarm('up', '--detach', '--yes');
    const worktree = path.join(`${repository.path}.swarm`, 'worker-1');
    await rm(worktree, { recursive: true });
    expect((await examine()).of('worktree-gone')).toMatchObject([
      { severity: 'error', text: expect.stringContaining(worktree) as string },
    ]);
  });

  test('of agents that have not started yet only what they wait for is in the way', async () => {
    delete environment.variables['ANTHROPIC_AUTH_TOKEN'];
    await repository.write({ 'swarm.yaml': 'agents: {worker: {count: 3}}\n' });
    expect((await swarm('up', '--detach', '--yes', '--trust')).stdout).toMatch(/worker-3 +needs-you/);
    const seen = await examine();
    expect(seen.all.filter(({ severity }) => severity === 'error').map(({ check }) => check)).toEqual(['claude-login']);
    expect(seen.of('worktrees')).toEqual([{ check: 'worktrees', severity: 'ok', text: '0 worktrees in order' }]);

    const logs = await swarm('logs', 'worker-1');
    expect([logs.exitCode, logs.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: worker-1 has no log yet: it has not started \(needs-you: .*not logged in/),
    ]);
    const checkpoint = await swarm('checkpoint', 'worker-1');
    expect([checkpoint.exitCode, checkpoint.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: worker-1 has no worktree now: it is made when the agent starts\n.*swarm status/),
    ]);
    expect((await swarm('explain', 'worker-1')).stdout).toMatch(/^pane +\S+ ago +there is none$/m);
    expect((await swarm('rm', 'worker-1')).stdout).toMatch(/^worker-1: removed; it had no worktree; to undo: /);
  });

  test('processes whose supervisor may live elsewhere are only mentioned', async () => {
    const hash = await projectHash();
    const [ours, theirs] = [
      marked(`${hash}/worker-1/t1/1`),
      marked(`${hash}/worker-2/t2/1`, { XDG_STATE_HOME: '/elsewhere' }),
    ];
    try {
      await expect.poll(async () => (await examine()).of('orphans-elsewhere').length).toBe(1);
      await examine('--fix');
      expect([ours.exitCode ?? ours.signalCode, theirs.exitCode ?? theirs.signalCode]).toEqual([null, null]);
      theirs.kill('SIGKILL');
      await once(theirs, 'exit');
      expect((await examine('--fix')).of('orphans')).toMatchObject([{ fix: 'done' }]);
      await expect.poll(() => ours.signalCode).toBe('SIGTERM');
    } finally {
      for (const child of [ours, theirs]) child.kill('SIGKILL');
    }
  });
});
