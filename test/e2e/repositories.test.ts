import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryRepository } from '../support/repository.ts';
import { expectError, find, inside, openWorld, SHELL_WORKER, UP, type World } from './world.ts';

/** Swarm must not have made anything there before its error. */
async function expectNothingMade(world: World, place: string): Promise<void> {
  expect(existsSync(`${place}.swarm`)).toBe(false);
  expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
  expect(await find(world.environment.stateHome, '-name', 'swarm.db')).toEqual([]);
}

describe('a repository with a difficult path, a subdirectory, a linked worktree, a submodule and changes', () => {
  let world: World;
  let library: string;

  beforeAll(async () => {
    world = await openWorld({
      repository: {
        name: "Ünï's repo (2) 日本",
        files: { 'README.md': 'committed\n', 'deep/er/file.txt': 'x\n', 'swarm.yaml': SHELL_WORKER },
      },
    });
    const submodule = await temporaryRepository({
      parent: world.environment.directory,
      name: 'a library',
      files: { 'lib.txt': 'of the library\n' },
    });
    library = submodule.path;
    await world.repository.git(
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      library,
      'vendor/lib',
    );
    await world.repository.git('commit', '-q', '-m', 'with a library');
    await world.repository.write({ 'README.md': 'changed by hand\n', 'new.txt': 'not yet added\n' });
  });

  afterAll(() => world[Symbol.asyncDispose]());

  test('up says that uncommitted changes are not in the worktrees, and how they would be', async () => {
    const up = await world.ok(UP);
    expect(up.stderr).toMatch(
      /2 uncommitted change\(s\) \(.*README\.md.*\) are not in the worktrees, which start from branch main/,
    );
    expect(up.stderr).toContain('swarm up --include-dirty');
    const id = await world.shell(
      'cat README.md; ls new.txt || echo absent; cat vendor/lib/lib.txt; cp README.md seen.txt',
    );
    await world.done(id);
    const { result } = await world.task(id);
    expect(result?.summary).toContain('committed');
    expect(result?.summary).toContain('absent');
    expect(result?.summary).toContain('of the library');
    expect(await world.show(id, 'seen.txt')).toBe('committed');
  });

  test('with --include-dirty a task begins with them, and the person still has them uncommitted', async () => {
    const before = await world.repository.git('status', '--porcelain');
    const up = await world.ok([...UP, '--include-dirty']);
    expect(up.stderr).toMatch(/2 uncommitted change\(s\) .* are part of what the agents see/);
    const id = await world.shell('cat README.md new.txt > seen.txt');
    await world.done(id);
    expect(await world.show(id, 'seen.txt')).toBe('changed by hand\nnot yet added');
    expect(await world.repository.git('status', '--porcelain')).toBe(before);
    expect(await world.repository.git('log', '--format=%s', 'main')).not.toContain('changed');
  });

  test('a subdirectory and a linked worktree belong to the same project', async () => {
    const here = await world.status();
    const linked = inside(world, 'linked tree');
    await world.repository.git('worktree', 'add', '-q', '-b', 'side', linked);
    for (const cwd of [path.join(world.repository.path, 'deep/er'), linked, here.agents[0]?.worktree ?? '']) {
      const there = (await world.ok(['status', '--json'], { cwd })).json<typeof here>();
      expect(there.supervisor.pid, cwd).toBe(here.supervisor.pid);
      expect(there.project.root, cwd).toBe(await realpath(world.repository.path));
    }
    const up = await world.ok(['up', '--json', '--yes'], { cwd: linked });
    expect(up.json<{ agents: { id: string }[] }>().agents.map(({ id }) => id)).toEqual(['worker-1']);
    expect((await world.status()).supervisor.pid).toBe(here.supervisor.pid);
  });

  test('HEAD may be detached: up says what tasks start from, and merge asks for a branch', async () => {
    await world.repository.git('stash', '-q', '-u');
    await world.repository.git('checkout', '-q', '--detach');
    const up = await world.ok(UP);
    expect(up.stderr).toMatch(/HEAD is detached: tasks start from commit [0-9a-f]{10}/);
    const id = await world.shell('echo made > detached.txt');
    await world.done(id);
    expect(await world.show(id, 'detached.txt')).toBe('made');
    expectError(await world.run(['merge', id]), 2, /detached HEAD/, /--into/);
    await world.ok(['merge', id, '--into', 'main']);
    expect(await world.repository.git('show', 'main:detached.txt')).toBe('made');
    expect(await world.repository.git('symbolic-ref', '-q', 'HEAD').catch(() => 'detached')).toBe('detached');
  });

  test('what a result does not hold is said by each verb that shows it, and commits of a submodule come with a merge', async () => {
    const dirty = await world.shell('echo edited >> vendor/lib/lib.txt; echo a > a.txt');
    const waited = await world.ok(['task', 'wait', dirty]);
    const shown = await world.ok(['task', 'show', dirty]);
    const compared = await world.ok(['diff', dirty]);
    const merged = await world.ok(['merge', dirty, '--into', 'main']);
    for (const text of [waited.stderr, shown.stdout, compared.stderr, merged.stderr])
      expect(text).toContain('the submodule vendor/lib has changes that are in no commit');
    const by = '-c user.name=A -c user.email=a@example.org';
    const committed = await world.shell(
      `cat vendor/lib/lib.txt && cd vendor/lib && echo n > n.txt && git add . && git ${by} commit -qm n`,
    );
    await world.done(committed);
    expect((await world.task(committed)).result?.summary).not.toContain('edited');
    await world.ok(['merge', committed, '--into', 'main']);
    const oid = await world.repository.git('rev-parse', 'main:vendor/lib');
    expect(await world.repository.git('-C', 'vendor/lib', 'show', `${oid}:n.txt`)).toBe('n');
  });

  test("purge keeps worktrees with submodules and says what to type; then they go, and the person's things stay", async () => {
    const kept = await world.run(['down', '--purge', '--yes']);
    const [, command = ''] = /`(git -C .* worktree remove --force .*)`/.exec(`${kept.stdout}${kept.stderr}`) ?? [];
    expect(command, `${kept.exitCode}\n${kept.stdout}\n${kept.stderr}`).toContain('worker-1');
    expect(existsSync(`${world.repository.path}.swarm/worker-1`)).toBe(true);
    await execa('sh', ['-c', command], { env: world.environment.variables, extendEnv: false });
    await world.ok(['down', '--purge', '--yes']);
    const trees = await world.repository.git('worktree', 'list', '--porcelain');
    expect(trees).not.toContain('.swarm/');
    expect(trees).toContain('linked tree');
    expect(existsSync(`${world.repository.path}.swarm`)).toBe(false);
    expect(await world.repository.git('stash', 'list')).not.toBe('');
    expect(await readFile(path.join(library, 'lib.txt'), 'utf8')).toBe('of the library\n');
  });
});

describe('where there is nothing to work in', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('outside of git it says so, and how to make a repository', async () => {
    const place = inside(world, 'plain directory');
    await mkdir(place);
    for (const verb of [UP, ['status'], ['task', 'add', 'x'], ['down']]) {
      expectError(await world.run(verb, { cwd: place }), 1, 'is not inside a git repository', /git init/);
    }
    const json = await world.run(['up', '--json', '--yes'], { cwd: place });
    expect(json.exitCode).toBe(1);
    expect(json.json()).toMatchObject({ error: { code: 'no-repository', exitCode: 1 } });
    await expectNothingMade(world, place);
  });

  test('with a branch in the place of those of tasks, up and doctor say how to rename it', async () => {
    const { path: place, git } = world.repository;
    await git('branch', 'swarm');
    expectError(await world.run(UP), 1, /a branch is called swarm/, 'git branch -m swarm swarm-1');
    expect((await world.run(['doctor'])).stdout).toContain('git branch -m swarm swarm-1');
    await expectNothingMade(world, place);
    await git('branch', '-m', 'swarm', 'swarm-1');
  });

  test('in a bare repository and in a git directory it says where to go instead', async () => {
    const bare = inside(world, 'bare.git');
    await execa('git', ['clone', '-q', '--bare', world.repository.path, bare]);
    for (const place of [
      bare,
      path.join(world.repository.path, '.git'),
      path.join(world.repository.path, '.git/refs'),
    ]) {
      expectError(
        await world.run(UP, { cwd: place }),
        1,
        /bare repository or inside a \.git directory/,
        /clone or a worktree/,
      );
      await expectNothingMade(world, place);
    }
    expect((await execa('git', ['status', '--porcelain'], { cwd: world.repository.path })).stdout).toBe('');
  });

  test('without a commit it says that one is needed, and works once there is one', async () => {
    const empty = await temporaryRepository({ parent: world.environment.directory, name: 'empty', files: false });
    expectError(await world.run(UP, { cwd: empty.path }), 1, 'has no commit yet', /git add -A && git commit/);
    await expectNothingMade(world, empty.path);
    await writeFile(path.join(empty.path, 'swarm.yaml'), SHELL_WORKER);
    await empty.git('add', '-A');
    await empty.git('commit', '-q', '-m', 'start');
    await world.ok(UP, { cwd: empty.path });
    await world.ok(['down'], { cwd: empty.path });
  });
});
