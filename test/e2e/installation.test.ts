import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../support/environment.ts';
import { swarmScript, type SwarmRun } from '../support/swarm.ts';
import { processesOf, untilNoProcessOf } from '../support/processes.ts';
import {
  brokerRecord,
  expectError,
  find,
  inside,
  kill,
  openWorld,
  poll,
  SHELL_WORKER,
  UP,
  type World,
} from './world.ts';

const CLAUDE_WORKER = 'agents: {worker: {count: 1}}\n';

let world: World;
/** One world for the tests of a `describe`: each of them leaves it down. */
function shareWorld(): void {
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());
}

/** The bundle itself, since the launcher would offer to install missing programs. */
function bundle(): [string, string] {
  const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
  return [process.execPath, path.join(repositoryRoot, 'dist', build, 'cli.js')];
}

/** Makes a directory of links to these programs, for a PATH of nothing else. */
async function onlyPrograms(...names: string[]): Promise<string> {
  const directory = await mkdtemp(inside(world, 'bin-'));
  for (const name of names) {
    const { stdout } = await execa('which', [name], { env: world.environment.variables });
    await symlink(stdout, path.join(directory, name));
  }
  return directory;
}

async function standIn(name: string, script: string): Promise<string> {
  const directory = await mkdtemp(inside(world, 'bin-'));
  await writeFile(path.join(directory, name), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(directory, name), 0o755);
  return `${directory}:${world.environment.variables['PATH'] ?? ''}`;
}

interface MountNamespace extends AsyncDisposable {
  pid: number;
  run(args: string[]): Promise<SwarmRun>;
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
}

/**
 * Swarm in a mount namespace of its own, after `mount` (`$0` is the state home) was run there; an ordinary user may do
 * so too.
 */
async function mountNamespace(mount: string): Promise<MountNamespace> {
  const { stateHome } = world.environment;
  const isRoot = process.getuid?.() === 0;
  const argv = [...(isRoot ? [] : ['-r']), '-m', 'sh', '-c', `${mount} && echo ready && exec sleep 600`, stateHome];
  const holder = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const first = await Promise.race([once(holder.stdout, 'data'), ended]);
  const { pid } = holder;
  if (pid === undefined || String(first[0]).trim() !== 'ready')
    throw new Error(`no mount: ${mount}: ${String(first[0])}`);
  const enter = ['-t', String(pid), '-m', ...(isRoot ? [] : ['-U', '--preserve-credentials'])];
  const shell = async (script: string) => void (await execa('nsenter', [...enter, 'sh', '-c', script, stateHome]));
  return {
    pid,
    run: (args) => world.run(['-C', world.repository.path, ...args], { launcher: ['nsenter', ...enter, swarmScript] }),
    // With large pieces, then with small ones, until nothing more fits.
    fill: () => shell('for size in 1M 1k; do dd if=/dev/zero of="$0/fill-$size" bs=$size 2>&1 || true; done'),
    makeRoom: () => shell('rm "$0"/fill-*'),
    [Symbol.asyncDispose]: async () => {
      holder.kill('SIGKILL');
      await ended;
    },
  };
}

async function expectNothingStarted(except: number[] = []): Promise<void> {
  expect(processesOf(world.environment.directory).filter(({ pid }) => !except.includes(pid))).toEqual([]);
  expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  if (except.length === 0) expect(existsSync(`${world.repository.path}.swarm`)).toBe(false);
}

describe('programs that are missing or too old', () => {
  shareWorld();

  test('git and tmux: which one, which version is needed and how to get it', async () => {
    const with_ = async (PATH: string) => await world.run(UP, { launcher: bundle(), variables: { PATH } });
    expectError(await with_(await onlyPrograms('sh')), 1, /git/, /[Ii]nstall/);
    expectError(await with_(await onlyPrograms('sh', 'git')), 1, /tmux cannot be started/, /apt install tmux/);
    expectError(
      await with_(await standIn('tmux', 'echo tmux 2.9')),
      1,
      /tmux 2\.9 is too old, swarm needs 3\.2 or newer/,
      /[Ii]nstall/,
    );
    const git = `case " $* " in *" version "*) echo git version 2.30.2;; *) exec /usr/bin/git "$@";; esac`;
    expectError(
      await with_(await standIn('git', git)),
      1,
      /swarm needs git 2\.36 or newer, found "git version 2\.30\.2"/,
      /[Ii]nstall/,
    );
    await expectNothingStarted();
  });

  test('Claude Code: missing, too old, or something else by that name', async () => {
    await world.repository.write({ 'swarm.yaml': CLAUDE_WORKER });
    const with_ = async (PATH: string) =>
      await world.run(['up', '--detach'], { launcher: bundle(), variables: { PATH } });
    expectError(
      await with_(await onlyPrograms('sh', 'git', 'tmux', 'node')),
      1,
      /Claude Code is not installed/,
      /--yes.*npm install -g @anthropic-ai\/claude-code/,
    );
    expectError(
      await with_(await standIn('claude', 'echo "2.0.14 (Claude Code)"')),
      1,
      /Claude Code 2\.0\.14 is older than 2\.1\.\d+/,
      /claude update/,
    );
    await expectNothingStarted();
    await world.repository.git('checkout', '-q', 'swarm.yaml');
  });

  test('without RabbitMQ agents come up, status says why there is no queue, and tasks wait until it is there; all that was missing there, it works', async () => {
    const up = await world.ok(UP, { variables: { SWARM_RABBITMQ_HOME: '/nonexistent' } });
    expect(up.stderr + up.stdout).toMatch(/broker +absent/);
    const status = await world.all('idle');
    expect(status.broker).toMatchObject({ state: 'absent', reason: expect.stringMatching(/RabbitMQ/) as string });
    const id = await world.shell('echo late > late.txt');
    expect((await world.ok(['status'])).stdout).toMatch(/broker absent: .*[Ii]nstall.*1 ready/s);
    expect((await world.run(['task', 'wait', id, '--timeout', '1s'])).exitCode).toBe(3);
    await world.ok(['down']);
    await world.ok(UP);
    await world.done(id);
    expect(await world.show(id, 'late.txt')).toBe('late');
  });
});

describe('places that cannot be used', () => {
  shareWorld();

  test('a state directory that is a file, or that cannot be written, is named with what to do', async () => {
    const { stateHome } = world.environment;
    await rename(stateHome, `${stateHome}.aside`);
    await writeFile(stateHome, 'a file\n');
    expectError(await world.run(UP), 1, stateHome, /XDG_STATE_HOME/);
    await expectNothingStarted();
    await rm(stateHome);
    await rename(`${stateHome}.aside`, stateHome);
    // Not even root may write there.
    expectError(
      await world.run(UP, { variables: { XDG_STATE_HOME: '/sys' } }),
      1,
      '/sys/swarm cannot be made',
      /XDG_STATE_HOME/,
    );
    await expectNothingStarted();
  });

  test('a runtime directory that is a link of another user is not followed', async () => {
    const elsewhere = inside(world, 'elsewhere');
    await mkdir(elsewhere);
    await rm(path.join(world.environment.runtimeDir, 'swarm'), { recursive: true, force: true });
    await symlink(elsewhere, path.join(world.environment.runtimeDir, 'swarm'));
    expectError(await world.run(UP), 1, /is no directory/, /XDG_RUNTIME_DIR/);
    expect(await find(elsewhere, '-mindepth', '1')).toEqual([]);
    await rm(path.join(world.environment.runtimeDir, 'swarm'));
    await expectNothingStarted();
  });

  test('a disk that became read-only is named, and taken ports are given up for others: what was there still works', async () => {
    await world.ok(UP);
    const id = await world.shell('true');
    await world.done(id);
    await world.ok(['down']);
    await using mounted = await mountNamespace(`mount --bind -o ro "$0" "$0"`);
    const up = await mounted.run(UP);
    expectError(up, 1, /logs cannot be written: .*(EROFS|read-only)/, /XDG_STATE_HOME/);
    await expectNothingStarted([mounted.pid]);
    await mounted[Symbol.asyncDispose]();

    const before = brokerRecord(world).ports;
    const taken = await Promise.all(
      Object.values(before).map(async (port) => {
        const server = createServer();
        server.listen(port, '127.0.0.1');
        await once(server, 'listening');
        return server;
      }),
    );
    try {
      await world.ok(UP);
      await world.brokerUp();
      for (const name of ['amqp', 'epmd', 'dist'] as const)
        expect(brokerRecord(world).ports[name]).not.toBe(before[name]);
      expect((await world.task(id)).state).toBe('done');
      await world.done(await world.shell('true'));
      await world.ok(['down']);
    } finally {
      for (const server of taken) server.close();
    }
  });

  test('a full disk is told by up, by task add while swarm runs, and costs nothing but the waiting', async () => {
    await using mounted = await mountNamespace('mount -t tmpfs -o size=400m tmpfs "$0"');
    await mounted.fill();
    expectError(await mounted.run(UP), 1, /the disk with .* is full: 0 MiB are free/, /Make room/);
    await expectNothingStarted([mounted.pid]);
    await mounted.makeRoom();
    expect((await mounted.run(UP)).exitCode).toBe(0);
    const before = await world.brokerUp();

    await mounted.fill();
    expectError(
      await mounted.run(['task', 'add', 'x', '--', 'true']),
      1,
      /disk with .*swarm\.db is full; nothing was written/,
      /Free some space/,
    );
    expectError(await mounted.run(UP), 1, /is full/);
    const meanwhile = await world.status();
    expect(meanwhile.supervisor.pid).toBe(before.supervisor.pid);
    expect(meanwhile.tasks).toEqual(before.tasks);

    await mounted.makeRoom();
    await world.done(await world.shell('true'));
    expect((await world.status()).supervisor.pid).toBe(before.supervisor.pid);
    expect((await mounted.run(['down'])).exitCode).toBe(0);
  });
});

describe('several commands at once, and commands that are interrupted', () => {
  shareWorld();
  const supervisors = () =>
    processesOf(world.environment.directory).filter(({ commandLine }) => commandLine.includes('supervisor.js --root'));
  const nothingLeft = async (): Promise<void> => {
    expect(await untilNoProcessOf(world.environment.directory, 5_000)).toEqual([]);
    expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  };

  test('three ups at once bring up one swarm, and each of them says that it is up', async () => {
    const ups = await Promise.all([world.run(UP), world.run(UP), world.run(UP)]);
    for (const up of ups)
      expect([up.exitCode, up.stdout], up.stderr).toEqual([0, expect.stringMatching(/worker-1 +idle/)]);
    // A supervisor that finds the lock taken ends, in its own time.
    await poll(supervisors, (all) => all.length === 1, 'one supervisor to be left');
    expect((await world.status()).agents).toHaveLength(1);
    await world.ok(['down']);
  });

  test('down while up is still at it: up says so, nothing is left, and the next up works', async () => {
    // Runs for as long as this takes.
    const settings = path.join(world.repository.path, 'swarm.yaml');
    await writeFile(settings, `${SHELL_WORKER}worktree: {setup: [sleep, '60']}\n`);
    const starting = world.run(UP);
    await world.all('starting');
    expect((await world.ok(['down'])).stdout).toMatch(/repo is down/);
    const up = await starting;
    await writeFile(settings, SHELL_WORKER);
    expect([up.exitCode, up.stderr]).toEqual([
      1,
      expect.stringMatching(/error: swarm was taken down again while it came up\n.*swarm up/),
    ]);
    await nothingLeft();
    await world.ok(UP);
    await world.done(await world.shell('true'));
    await world.ok(['down']);
  });

  test('down after a supervisor was killed before any agent ran ends its set-ups and the broker that it left', async () => {
    const settings = path.join(world.repository.path, 'swarm.yaml');
    await writeFile(settings, `${SHELL_WORKER}worktree: {setup: [sleep, '60']}\n`);
    const starting = world.run(UP);
    await world.all('starting');
    await world.brokerUp();
    kill((await world.status()).supervisor.pid);
    expect((await starting).exitCode).not.toBe(0);
    const down = await world.ok(['down']);
    expect([down.stdout, down.stderr]).toEqual([
      expect.stringContaining('repo is down'),
      expect.stringContaining('The supervisor is gone but left something'),
    ]);
    await writeFile(settings, SHELL_WORKER);
    await nothingLeft();
    expect((await world.ok(['down'])).stdout).toContain('repo was not up');
  });

  test('Ctrl-C at any moment of up says what goes on behind it; status and down work after it, and so does up', async () => {
    for (const ms of process.env['SWARM_TEST_LONG'] === '1' ? [0, 50, 200, 500] : [0, 200]) {
      const { variables: env } = world.environment;
      const up = execa(swarmScript, UP, { cwd: world.repository.path, env, extendEnv: false, reject: false });
      if (ms > 0) await poll(supervisors, (all) => all.length > 0, 'a supervisor');
      await new Promise((resolve) => setTimeout(resolve, ms));
      up.kill('SIGINT');
      const { exitCode, signal, stderr } = await up;
      expect([0, 130], `${signal} ${stderr}`).toContain(signal === 'SIGINT' ? 130 : exitCode);
      expect(stderr).not.toMatch(/error|^\s+at /m);
      if (ms > 0 && exitCode === 130)
        expect(stderr).toMatch(
          /Interrupted(: what was ordered comes up in the background| before any agent was ordered)/,
        );
      await world.ok(['status']);
      await world.ok(['down']);
      await nothingLeft();
    }
    await world.ok(UP);
  });
});
