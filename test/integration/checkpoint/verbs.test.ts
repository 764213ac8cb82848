import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, lstatSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { dropCheckpoints, pinCheckpoint, pruneCheckpoints } from '../../../src/checkpoint/keep/upkeep.ts';
import { gitFacts, walk } from './walk.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

const because = { reason: 'test' };
const read = ({ worktree }: World, name: string): string => readFileSync(path.join(worktree, name), 'utf8');
const has = (world: World, oid: string): boolean => world.repository.tryGit(['cat-file', '-e', oid]).code === 0;

describe('Looking at checkpoints', () => {
  it('shows what one changed, and compares one with another and with now', async () => {
    using world = await makeWorld();
    await world.store.capture(because);
    world.write({ 'readme.txt': 'hello\nworld\n', 'new.txt': 'n\n' });
    mkdirSync(path.join(world.worktree, 'hollow'));
    await world.store.capture(because);
    const shown = await world.store.show(2);
    expect(shown.since).toBe(1);
    expect(shown.diff.files.map((file) => file.path)).toEqual(['new.txt', 'readme.txt']);
    expect(shown.loaded.emptyDirs).toEqual(['hollow']);
    expect((await world.store.show(1)).since).toBeNull();
    world.write({ 'new.txt': 'later\n' });
    const now = await world.store.diff(2, null);
    expect(now.files).toEqual([{ path: 'new.txt', added: 1, removed: 1 }]);
    expect((await world.store.list()).map(({ n }) => n)).toEqual([1, 2]);
    await expect(world.store.show(7)).rejects.toMatchObject({ code: 'unknown-checkpoint', hint: /Did you mean 2/ });
    await expect(world.store.diff(9, 1)).rejects.toMatchObject({ hint: expect.stringContaining('Did you mean 2') });
  });
});

describe('Restoring single paths', () => {
  it('brings a file and a directory back, keeps the rest, and captures what was there', async () => {
    using world = await makeWorld({
      files: { 'a.txt': '1\n', 'dir/b.txt': '1\n', 'dir/c.txt': '1\n', 'x.txt': '1\n' },
    });
    chmodSync(path.join(world.worktree, 'a.txt'), 0o600);
    const { n } = await world.store.capture(because);
    world.write({ 'a.txt': '2\n', 'dir/b.txt': '2\n', 'dir/more/d.txt': '2\n', 'x.txt': '2\n' });
    chmodSync(path.join(world.worktree, 'a.txt'), 0o644);
    rmSync(path.join(world.worktree, 'dir/c.txt'));
    world.git('add', '-A');
    const facts = gitFacts(world.repository, world.worktree).index;
    const done = await world.store.restorePaths(n, ['a.txt', './dir/'], { task: 't1' });
    expect(done.changed).toEqual(['a.txt', 'dir/b.txt', 'dir/c.txt', 'dir/more/d.txt']);
    expect([read(world, 'a.txt'), read(world, 'dir/b.txt'), read(world, 'dir/c.txt')]).toEqual(['1\n', '1\n', '1\n']);
    expect(lstatSync(path.join(world.worktree, 'a.txt')).mode & 0o777).toBe(0o600);
    expect(existsSync(path.join(world.worktree, 'dir/more'))).toBe(false);
    expect(read(world, 'x.txt')).toBe('2\n');
    expect(gitFacts(world.repository, world.worktree).index).toBe(facts);
    expect(world.git('show', `refs/swarm/checkpoints/worker-1/${done.safety}:dir/more/d.txt`)).toBe('2');
    expect((await world.store.head())?.task).toBe('t1');
  });

  it('captures an ignored file that stands in the way, and names a path that it does not have', async () => {
    using world = await makeWorld();
    world.write({ 'build/out.txt': 'then\n' });
    const { n } = await world.store.capture(because);
    world.write({ '.gitignore': 'build/\n', 'build/out.txt': 'precious\n' });
    const { safety } = await world.store.restorePaths(n, ['build/out.txt'], {});
    expect(read(world, 'build/out.txt')).toBe('then\n');
    expect(world.git('show', `refs/swarm/checkpoints/worker-1/${safety}:build/out.txt`)).toBe('precious');
    await expect(world.store.restorePaths(n, ['build/ot.txt'], {})).rejects.toMatchObject({
      code: 'unknown-path',
      hint: 'Did you mean build/out.txt?',
      exitCode: 2,
    });
  });
});

describe('A branch from a checkpoint', () => {
  it('is one ordinary commit on the HEAD of the checkpoint, also of files that git converts', async () => {
    using world = await makeWorld({ files: { '.gitattributes': '*.txt text\n', 'a.txt': 'a\n' } });
    const head = world.git('rev-parse', 'HEAD');
    world.write({ 'a.txt': 'a\r\nb\r\n', 'loose.txt': 'l\n' });
    const { n } = await world.store.capture(because);
    const made = await world.store.branch(n, 'tries/one');
    expect(world.git('rev-parse', 'tries/one')).toBe(made.commit);
    expect(world.git('rev-list', 'tries/one', '^main')).toBe(made.commit);
    expect(world.git('rev-parse', 'tries/one^')).toBe(head);
    expect(world.git('cat-file', 'blob', 'tries/one:a.txt')).toBe('a\nb');
    expect(world.git('show', 'tries/one:loose.txt')).toBe('l');
    await expect(world.store.branch(n, 'tries/one')).rejects.toMatchObject({ code: 'branch-exists' });
    await expect(world.store.branch(n, 'no branch..')).rejects.toMatchObject({ code: 'bad-branch', exitCode: 2 });
    expect(world.git('symbolic-ref', 'HEAD')).toBe('refs/heads/swarm/task/t1');
  });

  it('has what info/attributes converts, and the repositories inside', async () => {
    using world = await makeWorld({ files: { 'a.txt': 'a\n' } });
    world.repository.write({ '.git/info/attributes': '*.txt text\n' });
    world.write({ 'a.txt': 'a\r\nb\r\n' });
    world.git('init', '-q', 'inner');
    const inner = path.join(world.worktree, 'inner');
    const person = ['-c', 'user.name=n', '-c', 'user.email=n@x'];
    world.repository.git([...person, 'commit', '-q', '--allow-empty', '-m', '1'], inner);
    const { n } = await world.store.capture(because);
    await world.store.branch(n, 'tries/two');
    expect(world.git('cat-file', 'blob', 'tries/two:a.txt')).toBe('a\nb');
    expect(world.git('rev-parse', 'tries/two:inner')).toBe(world.repository.git(['rev-parse', 'HEAD'], inner));
  });

  it('is HEAD itself where nothing differed, and works for an agent that is gone', async () => {
    using world = await makeWorld();
    const { n } = await world.store.capture(because);
    world.repository.git(['worktree', 'remove', '--force', world.worktree]);
    const store = new CheckpointStore({ ...world.store.place, worktree: world.repository.root });
    expect((await store.branch(n, 'same')).commit).toBe(world.repository.git(['rev-parse', 'main']));
  });
});

describe('Upkeep', () => {
  const keep = { allMs: 0, hourlyMs: 0, dailyMs: 0, count: 100 };
  const aYear = { now: Date.now() + 366 * 86_400_000 };

  it('prunes what has had its time, never what is pinned or newest, and says first what would go', async () => {
    using world = await makeWorld();
    for (let n = 1; n <= 14; n += 1) await world.store.capture({ ...because, force: true });
    await pinCheckpoint(world.store.place, 2, true);
    const told = await pruneCheckpoints(world.store.place, keep, { ...aYear, dryRun: true });
    expect(told.removed.map(({ n }) => n)).toEqual([1, 3, 4]);
    expect(await world.store.list()).toHaveLength(14);
    await pruneCheckpoints(world.store.place, keep, aYear);
    const left = await world.store.list();
    expect(left.map(({ n }) => n)).toEqual([2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect(left[0]?.pinned).toBe(true);
    await expect(dropCheckpoints(world.store.place, [5, 2], false)).rejects.toMatchObject({
      code: 'checkpoint-pinned',
    });
    expect(await world.store.list()).toHaveLength(11);
    await pinCheckpoint(world.store.place, 2, false);
    await dropCheckpoints(world.store.place, [5, 2], false);
    expect(await world.store.list()).toHaveLength(9);
    await expect(dropCheckpoints(world.store.place, [5], false)).rejects.toMatchObject({ code: 'unknown-checkpoint' });
  });

  it.each(['loose', 'packed'])('a purge really removes a secret (%s), and nothing else', async (how) => {
    using world = await makeWorld();
    await world.store.capture(because);
    world.write({ 'key.pem': 'a secret\n', 'dropped.txt': 'mine\n' });
    await world.store.capture(because);
    const secret = world.git('rev-parse', 'refs/swarm/checkpoints/worker-1/2:key.pem');
    // Objects that the person could still bring back: a dropped stash, and a blob that was only staged once.
    world.git('add', 'dropped.txt');
    world.git('stash');
    const stash = world.git('rev-parse', 'refs/stash');
    world.git('stash', 'drop');
    world.write({ 'once.txt': 'only staged\n' });
    world.git('add', 'once.txt');
    const once = world.git('rev-parse', ':once.txt');
    world.git('reset', '-q');
    rmSync(path.join(world.worktree, 'once.txt'));
    rmSync(path.join(world.worktree, 'key.pem'));
    await world.store.capture(because);
    if (how === 'packed') world.repository.git(['repack', '-a', '-d', '-q', '--keep-unreachable']);
    await dropCheckpoints(world.store.place, [2], false).then(() => undefined);
    expect(has(world, secret), 'a plain drop leaves it to git').toBe(true);
    world.write({ 'key.pem': 'a secret\n' });
    const again = await world.store.capture(because);
    rmSync(path.join(world.worktree, 'key.pem'));
    const before = walk(world.worktree);
    const { purged } = await dropCheckpoints(world.store.place, [again.n], true);
    expect(purged).toMatchObject({ stillHeld: [], remaining: [] });
    expect(purged?.objects).toBeGreaterThanOrEqual(3);
    expect(has(world, secret)).toBe(false);
    expect(has(world, stash), 'the dropped stash').toBe(true);
    expect(has(world, `${stash}:dropped.txt`)).toBe(true);
    expect(has(world, once)).toBe(true);
    expect(walk(world.worktree)).toEqual(before);
    expect(world.repository.tryGit(['fsck', '--connectivity-only']).code).toBe(0);
    // The same contents can be captured again: no cache takes them for stored.
    world.write({ 'key.pem': 'a secret\n' });
    const { commit } = await world.store.capture(because);
    expect(world.git('show', `${commit}:key.pem`)).toBe('a secret');
    const second = await new CheckpointStore(world.store.place).capture({ ...because, force: true });
    const held = await dropCheckpoints(world.store.place, [second.n - 1], true);
    expect(held.purged?.stillHeld).toEqual([{ path: 'key.pem', checkpoints: [{ agent: 'worker-1', n: second.n }] }]);
    writeFileSync(path.join(world.worktree, 'after.txt'), 'x');
    await world.store.capture(because);
    expect(world.repository.tryGit(['fsck', '--connectivity-only']).code).toBe(0);
  });
});

describe('A purge says where its files are still held', () => {
  const env = 'A=secret\n';
  const clean = (world: World): void => rmSync(path.join(world.worktree, '.env'));
  const HELD: [string, (world: World) => void, RegExp][] = [
    ['an index', (world) => void world.git('add', '.env'), /^\.env is staged in \S+worker-1: `git -C \S+ rm --cached/],
    [
      'a commit',
      (world) => (world.git('add', '.env'), world.git('commit', '-qm', 'oh'), clean(world)),
      /^\.env is in ordinary commits too, .*: `git log --all/,
    ],
    [
      'a commit that was reset',
      (world) => (world.git('add', '.env'), world.git('commit', '-qm', 'oh'), world.git('reset', '-q', '--hard', '@~')),
      /^\.env is also in a reflog or .*--find-object/,
    ],
  ];
  it.each(HELD)('%s', async (_, hold, told) => {
    using world = await makeWorld();
    world.write({ '.env': env });
    const { n } = await world.store.capture(because);
    hold(world);
    const { purged } = await dropCheckpoints(world.store.place, [n], true);
    expect(purged?.stillHeld).toEqual([]);
    expect(purged?.remaining).toEqual([expect.stringMatching(told)]);
  });

  it('another checkpoint, in which it is only staged', async () => {
    using world = await makeWorld();
    world.write({ '.env': env });
    world.git('add', '.env');
    const first = await world.store.capture(because);
    const secret = world.git('rev-parse', ':.env');
    clean(world);
    const second = await world.store.capture(because);
    world.git('rm', '-q', '--cached', '.env');
    const { purged } = await dropCheckpoints(world.store.place, [first.n], true);
    expect(purged).toMatchObject({
      stillHeld: [{ path: '.env', checkpoints: [{ agent: 'worker-1', n: second.n }] }],
      remaining: [],
    });
    const done = await dropCheckpoints(world.store.place, [second.n], true);
    expect(done.purged).toMatchObject({ stillHeld: [], remaining: [] });
    expect(has(world, secret)).toBe(false);
  });
});

describe('A purge that cannot find out what is to go', () => {
  afterEach(() => void vi.unstubAllEnvs());
  it('leaves the checkpoints as they are, to be dropped again', async () => {
    using world = await makeWorld();
    world.write({ 'key.pem': 'a secret\n' });
    const { n, commit } = await world.store.capture(because);
    const secret = world.git('rev-parse', `${commit}:key.pem`);
    rmSync(path.join(world.worktree, 'key.pem'));
    const bin = path.join(world.repository.home, 'bin');
    world.write({ 'bin/git': `#!/bin/sh\ncase "$*" in *fsck*) exit 99;; esac\nPATH=$REAL exec git "$@"\n` });
    mkdirSync(bin);
    renameSync(path.join(world.worktree, 'bin/git'), path.join(bin, 'git'));
    chmodSync(path.join(bin, 'git'), 0o755);
    vi.stubEnv('REAL', process.env.PATH);
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
    await expect(dropCheckpoints(world.store.place, [n], true)).rejects.toMatchObject({ code: 'git-failed' });
    vi.unstubAllEnvs();
    expect((await world.store.list()).map((checkpoint) => checkpoint.n)).toEqual([n]);
    await dropCheckpoints(world.store.place, [n], true);
    expect(has(world, secret)).toBe(false);
  });
});

describe('A purge in a repository with very many unreachable commits', () => {
  afterEach(() => void vi.unstubAllEnvs());

  /** Leaves less than 64 kB of the system's space for arguments and environment together. */
  function crowdEnvironment(): void {
    const part = 'x'.repeat(32_000);
    const isFull = (): boolean => (spawnSync('true', [part]).error as NodeJS.ErrnoException | undefined) !== undefined;
    for (let n = 0; !isFull(); n += 1) vi.stubEnv(`CROWD_${n}`, part);
    vi.stubEnv('CROWD_0', undefined);
  }

  it('names them in no command line', async () => {
    using world = await makeWorld();
    const commits = Array.from(
      { length: 2_000 },
      (_, at) => `commit refs/x\ncommitter a <a@b> ${at} +0000\ndata 1\nx\n`,
    );
    execFileSync('git', ['fast-import', '--quiet'], { cwd: world.worktree, input: commits.join('') });
    world.git('update-ref', '-d', 'refs/x');
    world.write({ 'key.pem': 'a secret\n' });
    const { n, commit } = await world.store.capture(because);
    const secret = world.git('rev-parse', `${commit}:key.pem`);
    rmSync(path.join(world.worktree, 'key.pem'));
    crowdEnvironment();
    await dropCheckpoints(world.store.place, [n], true);
    vi.unstubAllEnvs();
    expect(has(world, secret)).toBe(false);
  });
});
