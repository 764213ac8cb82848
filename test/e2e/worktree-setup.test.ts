import { existsSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  commandLinesOf,
  expectError,
  inside,
  kill,
  openAccount,
  openWorld,
  outcomes,
  poll,
  UP,
  type Account,
  type World,
} from './world.ts';

/** Two shell workers, with a test's settings for their worktrees. */
const config = (worktree: string, rest = ''): string =>
  `agents: {worker: {kind: shell, count: 2}}\nworktree:\n${worktree.replaceAll(/^/gm, '  ')}\n${rest}`;
const NEEDS_ENV = 'verify: {env: [sh, -c, ". ./.env && test \\"$GREETING\\" = hello"]}\ndefaultVerify: env\n';

let account: Account;
let world: World;
const events = async (): Promise<{ name: string; agent: string | null; data: Record<string, unknown> }[]> =>
  (await world.ok(['events', '--json', '-n', '500'])).jsonLines();
const worktree = (agent: string, ...names: string[]): string =>
  path.join(`${world.repository.path}.swarm`, agent, ...names);
const portBases = async (): Promise<number[]> =>
  (await world.ok(['status', '--json']))
    .json<{ agents: { portBase: number }[] }>()
    .agents.map(({ portBase }) => portBase);
const agent = async (id: string) => (await world.status()).agents.find((one) => one.id === id);
/** Pids of an agent's set-up, those in sessions of their own too. */
const running = (id: string): number[] =>
  commandLinesOf(world.environment.directory)
    .filter(({ pid, argv }) => argv.includes('1000') && cwdOf(pid) === worktree(id))
    .map(({ pid }) => pid);
function cwdOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch (error) {
    // Ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
const until = (id: string, status: string) =>
  poll(
    () => agent(id),
    (one) => one?.status === status,
    `${id} to be ${status}`,
  );

async function begin(text: string, dirty: Record<string, string> = {}): Promise<void> {
  world = await openWorld({
    account,
    repository: {
      files: { 'README.md': 'a project\n', '.gitignore': '.env\nnode_modules/\n/log\n', 'swarm.yaml': text },
      dirty,
    },
  });
}

beforeAll(async () => {
  account = await openAccount();
});
afterAll(() => account[Symbol.asyncDispose]());
beforeEach(() => {
  world = undefined as unknown as World;
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

describe('files that git does not bring', () => {
  test('a check that needs .env fails without it, and passes once it is copied', async () => {
    await begin(config('setupTimeout: 1m', NEEDS_ENV), { '.env': 'GREETING=hello\n' });
    await world.ok(UP);
    await world.brokerUp();
    const without = await world.shell('true', '--retries', '0', '--verify', 'env');
    const failed = await world.until(without, 'dead');
    expect(failed.attempts[0]?.error).toContain('.env');
    expect(failed.attempts[0]?.error).toContain('worktree.copy, link and setup in swarm.yaml');
    await world.ok(['down']);

    await world.repository.write({ 'swarm.yaml': config('copy: [".env*"]', NEEDS_ENV) });
    await world.ok(UP);
    await world.brokerUp();
    // A new file is committed, a copied one is not.
    const made = await world.shell('cat .env > seen.txt', '--verify', 'env');
    await world.done(made);
    expect(await world.show(made, 'seen.txt')).toBe('GREETING=hello');
    expect(
      await world.repository.git('ls-tree', '--name-only', (await world.task(made)).result?.commit ?? ''),
    ).not.toMatch(/^\.env$/m);
  });

  test('links and untracked copies stay out of commits and checkpoints, and stay over tasks and rollbacks', async () => {
    await begin(config('copy: [notes, CLAUDE.local.md]\nlink: [node_modules]'), {
      'node_modules/dep/index.js': 'dep\n',
      'notes/private.md': 'mine\n',
      'CLAUDE.local.md': 'be kind\n',
    });
    await chmod(path.join(world.repository.path, 'notes/private.md'), 0o750);
    await world.ok(UP);
    await world.brokerUp();
    const exclude = await readFile(path.join(world.repository.path, '.git/info/exclude'), 'utf8');
    // As an agent would: with git of its own, and by the files that it leaves.
    const one = await world.shell(
      'echo 1 > a.txt; git add -A; git status --porcelain > status.txt; echo 2 > b.txt',
      '--agent',
      'worker-1',
    );
    await world.done(one);
    const { commit } = (await world.task(one)).result ?? { commit: null };
    expect((await world.repository.git('ls-tree', '-r', '--name-only', commit ?? '')).split('\n').sort()).toEqual(
      ['.gitignore', 'README.md', 'a.txt', 'b.txt', 'status.txt', 'swarm.yaml'].sort(),
    );
    expect(await world.show(one, 'status.txt')).toBe('A  a.txt\n?? status.txt');
    const two = await world.shell(
      'cat node_modules/dep/index.js notes/private.md CLAUDE.local.md > all.txt',
      '--agent',
      'worker-1',
    );
    await world.done(two);
    expect(await world.show(two, 'all.txt')).toBe('dep\nmine\nbe kind');
    await world.ok(['checkpoint', 'worker-1', '-m', 'by hand']);
    const checkpoints = (await world.ok(['checkpoint', 'ls', 'worker-1', '--json'])).json<
      { n: number; tree: string }[]
    >();
    for (const { tree } of checkpoints) {
      expect(await world.repository.git('ls-tree', '-r', '--name-only', tree)).not.toMatch(/node_modules|notes|CLAUDE/);
    }
    await world.ok(['rollback', 'worker-1', '1', '--json']);
    expect(readlinkSync(worktree('worker-1', 'node_modules'))).toBe(path.join(world.repository.path, 'node_modules'));
    expect(existsSync(worktree('worker-1', 'notes/private.md'))).toBe(true);
    expect(await readFile(path.join(world.repository.path, '.git/info/exclude'), 'utf8')).toBe(exclude);
    expect(await world.repository.git('status', '--porcelain')).toBe('?? CLAUDE.local.md\n?? notes/');
    // Nothing of it prevents the end.
    expect((await world.ok(['down', '--purge', '--yes'])).stdout).toContain('purged');
    expect(existsSync(worktree('worker-1'))).toBe(false);
    expect(existsSync(path.join(world.repository.path, 'node_modules/dep/index.js'))).toBe(true);
  });

  test('an entry that leads out of the repository is refused, with where', async () => {
    await begin(config('link: [../other]'));
    expectError(
      await world.run(UP),
      2,
      /swarm\.yaml:3:\d+: worktree\.link\.0: "\.\.\/other" is not accepted/,
      'inside the repository',
    );
    await world.repository.write({ 'swarm.yaml': config('copy: [outside/x]') });
    await mkdir(inside(world, 'elsewhere'));
    await world.repository.git('config', 'core.excludesFile', '/dev/null');
    const { symlink } = await import('node:fs/promises');
    await symlink(inside(world, 'elsewhere'), path.join(world.repository.path, 'outside'));
    expectError(await world.run(UP), 2, `outside/x leads out of the repository, to ${inside(world, 'elsewhere')}`);
    // Of a pattern it is said where a person looks, since what it finds changes with the files.
    await world.repository.write({ 'swarm.yaml': config('copy: ["outs*", ".env"]') });
    const outside = path.relative(world.repository.path, inside(world, 'elsewhere', '.env'));
    await symlink(outside, path.join(world.repository.path, '.env'));
    await writeFile(inside(world, 'elsewhere', '.env'), 'GREETING=hello\n');
    await world.ok(UP);
    expect(await readFile(worktree('worker-1', '.env'), 'utf8')).toBe('GREETING=hello\n');
    expect(existsSync(worktree('worker-1', 'outside'))).toBe(false);
    const said = 'copy: outside leads out of the repository';
    expect((await world.run(['doctor'])).stdout).toContain(said);
    expect(JSON.stringify(await events())).toContain(said);
  });
});

describe('a set-up', () => {
  test('runs once in each worktree, seen while it goes on, and again when it has changed', async () => {
    const script =
      'echo "installs for $SWARM_AGENT"; echo "$SWARM_AGENT $SWARM_ROOT $SWARM_WORKTREE $SWARM_PORT_BASE" >> "$SWARM_ROOT/log"; sleep 1';
    await begin(config(`setup: [sh, -c, '${script}']`));
    const up = await world.ok(UP);
    expect(up.stderr).toContain('worktree.setup: ["sh","-c",');
    expect(up.stderr).toMatch(/set-up: sh -c echo/);
    const log = async (): Promise<string[]> =>
      (await readFile(path.join(world.repository.path, 'log'), 'utf8')).trim().split('\n').sort();
    const first = await log();
    expect(first).toHaveLength(2);
    const [one, two] = first.map((line) => Number(line.split(' ')[3]));
    expect(first[0]).toBe(`worker-1 ${world.repository.path} ${worktree('worker-1')} ${one}`);
    expect(Math.abs((one ?? 0) - (two ?? 0))).toBeGreaterThanOrEqual(20);
    const told = await events();
    expect(told.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['agent.setup.started', 'agent.setup.done', 'agent.started']),
    );
    expect((await world.ok(['logs', 'worker-1'])).stdout).toContain('installs for worker-1');

    await world.ok(['down']);
    await world.ok(UP);
    expect(await log()).toEqual(first);
    // The same ports as before, and agents are told of them.
    expect(await portBases()).toEqual([one, two]);
    await world.ok(['down']);
    await world.repository.write({ 'swarm.yaml': config(`setup: [[sh, -c, '${script}'], ["true"]]`) });
    await world.ok(UP);
    expect(await log()).toHaveLength(4);
  });

  test('that fails says exactly what and where, hurts no other agent, and is tried again when asked', async () => {
    const script =
      'echo one; echo "no such package" >&2; test "$SWARM_AGENT" != worker-1 || test -e "$SWARM_ROOT/mended" || exit 7';
    await begin(config(`setup: [sh, -c, '${script}']`));
    const up = await world.run(UP);
    expect(up.exitCode, up.stderr).toBe(1);
    expect(up.stdout).toMatch(/worker-1: set-up failed: \["sh","-c",".*"\] ended with exit 7 after/);
    expect(up.stdout).toContain('    no such package');
    expect(up.stdout).toContain('swarm restart worker-1` tries again');
    expect(up.stdout).toContain('The others take tasks all the same: worker-2.');
    expect(up.stdout).toContain('logs worker-1');
    expect((await agent('worker-1'))?.status).toBe('failed');
    await world.brokerUp();
    await world.done(await world.shell('true'));
    const failures = async () => (await events()).filter(({ name }) => name === 'agent.setup.failed');
    expect(await failures()).toHaveLength(1);
    expect((await failures())[0]?.data['tail']).toContain('no such package');
    expect((await world.run(['doctor'])).stdout).toContain('worker-1');

    await writeFile(path.join(world.repository.path, 'mended'), '');
    await world.ok(['restart', 'worker-1']);
    await until('worker-1', 'idle');
    expect(await failures()).toHaveLength(1);
  });

  test('is ended by a stop with all that it started, by its time, and is begun again after a crash', async () => {
    await begin(
      config(
        `setup: [sh, -c, 'setsid sleep 1000 & echo began >> "$SWARM_ROOT/log"; test -e "$SWARM_ROOT/fast" || sleep 1000']`,
      ),
    );
    const up = world.run(UP);
    await poll(
      () => (existsSync(path.join(world.repository.path, 'log')) ? agent('worker-1') : undefined),
      (one) => one?.reason?.startsWith('set-up: sh -c') === true,
      'the set-up to go on',
    );
    await poll(
      () => running('worker-1'),
      (found) => found.length > 0,
      'its program to run',
    );
    await world.ok(['stop', 'worker-1']);
    await until('worker-1', 'stopped');
    expect(running('worker-1')).toEqual([]);

    await poll(
      () => running('worker-2'),
      (found) => found.length > 0,
      'the other set-up to go on',
    );
    kill((await world.status()).supervisor.pid);
    await up;
    expect(running('worker-2').length).toBeGreaterThan(0);
    await writeFile(path.join(world.repository.path, 'fast'), '');
    await world.ok(UP);
    await until('worker-2', 'idle');
    expect(running('worker-2')).toEqual([]);
    await world.ok(['down']);

    await rm(path.join(world.repository.path, 'fast'));
    await world.repository.write({
      'swarm.yaml': config(`setup: [sh, -c, 'setsid sleep 1000 & sleep 1000']\nsetupTimeout: 1s`, 'stopGrace: 200ms\n'),
    });
    const late = await world.run(UP);
    expect(late.stdout).toMatch(/was ended after \S+ \(worktree\.setupTimeout\)/);
    expect([...running('worker-1'), ...running('worker-2')]).toEqual([]);
  });
});

test('a worktree whose teardown fails is kept, with why; one whose teardown works goes', async () => {
  await begin(config(`teardown: [sh, -c, 'test -e "$SWARM_ROOT/may" || { echo "still in use"; exit 3; }']`));
  await world.ok(UP);
  const kept = await world.run(['down', '--purge', '--yes']);
  expect(kept.stdout).toMatch(/kept .*worker-1: its teardown .* ended with exit 3/);
  expect(kept.stdout).toContain('still in use');
  expect(existsSync(worktree('worker-1'))).toBe(true);
  await writeFile(path.join(world.repository.path, 'may'), '');
  expect((await world.ok(['down', '--purge', '--yes'])).stdout).toContain('purged');
  expect(existsSync(worktree('worker-1'))).toBe(false);
});

// Half a minute each: for `scripts/test --long`.
if (process.env['SWARM_TEST_LONG'] === '1') {
  test('the slots of a shell agent have worktrees that are set up too', async () => {
    await begin(
      'agents: {worker: {kind: shell, count: 1, slots: 2}}\nworktree: {copy: [.env], setup: [sh, -c, "echo done > .env.made"]}\n',
      { '.env': 'GREETING=hello\n' },
    );
    await world.ok(UP);
    await world.brokerUp();
    // Each waits for the other, so that neither slot does both.
    const meeting = path.join(world.environment.directory, 'meeting');
    await mkdir(meeting);
    const meet = `touch ${meeting}/$$; until [ $(ls ${meeting} | wc -l) = 2 ]; do sleep 0.1; done`;
    const both = [1, 2].map(() =>
      world.shell(
        `${meet}; cat .env .env.made > seen.txt; echo "$SWARM_WORKTREE $SWARM_AGENT $SWARM_PORT_BASE" >> seen.txt`,
      ),
    );
    const ids = await Promise.all(both);
    await world.done(...ids);
    const portBase = (await portBases())[0];
    const seen = await Promise.all(ids.map((id) => world.show(id, 'seen.txt')));
    expect(seen.toSorted()).toEqual(
      ['worker-1', 'worker-1.1']
        .map((name) => `GREETING=hello\ndone\n${worktree(name)} worker-1 ${portBase}`)
        .toSorted(),
    );
    expect((await Promise.all(ids.map((id) => world.task(id)))).map(outcomes)).toEqual([['done'], ['done']]);
  });

  test('a person without a swarm.yaml is told what worktrees lack, and init proposes it', async () => {
    await begin('# nothing yet\n', {
      '.env': 'A=1\n',
      'node_modules/dep/index.js': '',
      'CLAUDE.local.md': 'be kind\n',
      '.claude/settings.local.json': '{}',
      '.claude/worktrees/x/.git': 'gitdir: /nowhere\n',
    });
    await world.repository.write({
      'package.json': '{"scripts": {"test": "true"}, "dependencies": {"dep": "1"}}',
      'package-lock.json': '{}',
    });
    await rm(path.join(world.repository.path, 'swarm.yaml'));
    // Its agents have no login here; the note comes before them.
    const lacking =
      /worktrees will lack \.claude\/, \.env, CLAUDE\.local\.md, node_modules\/, .*`\S*swarm init` proposes/;
    expect((await world.run(UP)).stderr).toMatch(lacking);
    await world.ok(['down']);
    const written = await world.ok(['init', '--yes', '--json']);
    expect(written.json()).toMatchObject({
      detected: { worktree: { setup: [{ argv: ['npm', 'ci'], from: 'package-lock.json' }] } },
    });
    const text = await readFile(path.join(world.repository.path, 'swarm.yaml'), 'utf8');
    expect(text).toContain('copy: [".env*", "CLAUDE.local.md", ".claude/settings.local.json"]');
    expect(text).toContain('setup: ["npm", "ci"]');
    const up = await world.run(UP);
    expect(up.stderr).toContain('worktree.setup: ["npm","ci"]');
    expect(up.stderr).not.toMatch(lacking);
  });
}
