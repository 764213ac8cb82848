import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { GitError } from '../../../src/git/errors.ts';
import { gitText, runGit } from '../../../src/git/git.ts';
import { findRepository, placeOfCheckout } from '../../../src/git/repository/repository.ts';
import { snapshotDirty } from '../../../src/git/task/snapshot.ts';
import { clearStaleLocks, leftLocks } from '../../../src/git/repository/stale-lock.ts';
import { dirtySummary } from '../../../src/git/repository/status.ts';
import { highestTaskNumber } from '../../../src/git/task/task-branches.ts';
import {
  addWorktree,
  isRegisteredWorktree,
  listWorktrees,
  removeWorktree,
} from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';

describe('The door to git', () => {
  it('gives a typed error with the facts', async () => {
    using repository = makeRepository();
    const error = await runGit(['rev-parse', '--verify', 'nothing'], { cwd: repository.root }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(GitError);
    expect(error).toMatchObject({
      code: 'unknown-revision',
      gitExitCode: 128,
      cwd: repository.root,
      args: ['rev-parse', '--verify', 'nothing'],
    });
  });

  it('ends git on time and when it is told to', async () => {
    using repository = makeRepository();
    repository.git(['config', 'alias.wait', '!exec sleep 60']);
    await expect(runGit(['wait'], { cwd: repository.root, timeoutMs: 100 })).rejects.toMatchObject({
      code: 'git-timeout',
    });
    const controller = new AbortController();
    const running = runGit(['wait'], { cwd: repository.root, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toMatchObject({ code: 'git-aborted' });
    await expect(runGit(['version'], { cwd: repository.root, signal: controller.signal })).rejects.toMatchObject({
      code: 'git-aborted',
    });
  });

  it('says so when the directory is not there', async () => {
    await expect(runGit(['version'], { cwd: '/nowhere/at/all' })).rejects.toMatchObject({ code: 'git-missing' });
  });

  it('survives input that git does not read', async () => {
    using repository = makeRepository();
    expect(await gitText(['version'], { cwd: repository.root, input: Buffer.alloc(4_000_000) })).toContain(
      'git version',
    );
  });

  it('does not let the environment choose another repository', async () => {
    using repository = makeRepository();
    process.env['GIT_DIR'] = '/nowhere';
    try {
      expect(await gitText(['rev-parse', '--show-toplevel'], { cwd: repository.root })).toBe(repository.root);
    } finally {
      delete process.env['GIT_DIR'];
    }
  });
});

describe('Finding the repository', () => {
  it('works from a subdirectory of a path with spaces and other alphabets', async () => {
    using repository = makeRepository({ name: 'mein Röpo ☂' });
    const deep = path.join(repository.root, 'a b');
    mkdirSync(deep);
    expect(await findRepository(deep)).toEqual({
      root: repository.root,
      gitCommonDir: repository.gitCommonDir,
      cwdTopLevel: repository.root,
      linked: false,
      head: { branch: 'main', commit: repository.git(['rev-parse', 'HEAD']) },
      bare: false,
      hasSubmodules: false,
    });
  });

  it('knows the main worktree from a linked one, and a detached HEAD', async () => {
    using repository = makeRepository();
    const linked = path.join(repository.home, 'linked');
    const commit = repository.git(['rev-parse', 'HEAD']);
    await addWorktree({ root: repository.root, path: linked, commit });
    expect(await findRepository(linked)).toMatchObject({
      root: repository.root,
      gitCommonDir: repository.gitCommonDir,
      cwdTopLevel: linked,
      linked: true,
      head: { branch: null, commit },
    });
  });

  it('takes a submodule for the project, also from a worktree of it', async () => {
    using inner = makeRepository();
    using repository = makeRepository();
    repository.git(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.root, 'sub']);
    repository.git(['commit', '-qm', 'submodule']);
    const sub = path.join(repository.root, 'sub');
    const found = await findRepository(sub);
    expect(found).toMatchObject({
      root: sub,
      cwdTopLevel: sub,
      linked: false,
      gitCommonDir: path.join(repository.root, '.git/modules/sub'),
    });
    const linked = path.join(repository.home, 'sub-linked');
    await addWorktree({ root: sub, path: linked, commit: found.head.commit });
    expect(await findRepository(linked)).toMatchObject({ root: sub, linked: true, gitCommonDir: found.gitCommonDir });
    expect(await findRepository(repository.root)).toMatchObject({ root: repository.root, hasSubmodules: true });
  });

  it('gives a cure with every refusal', async () => {
    using repository = makeRepository();
    const bare = path.join(repository.home, 'bare.git');
    repository.git(['clone', '-q', '--bare', repository.root, bare]);
    const empty = path.join(repository.home, 'empty');
    repository.git(['init', '-q', empty]);
    for (const [place, code] of [
      [repository.home, 'no-repository'],
      [bare, 'bare-repository'],
      [repository.gitCommonDir, 'bare-repository'],
      [empty, 'no-commit'],
    ] as const) {
      const error: unknown = await findRepository(place).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code });
      expect((error as GitError).hint).toBeTruthy();
    }
    const linked = path.join(repository.home, 'of-bare');
    repository.git(['worktree', 'add', '-q', linked, 'main'], bare);
    expect(await findRepository(linked)).toMatchObject({ root: linked, bare: true, linked: true });
  });

  it('names the setting that calls a checkout bare, and finds its project all the same for what needs no files', async () => {
    using repository = makeRepository();
    const { root, gitCommonDir } = repository;
    const linked = path.join(repository.home, 'linked');
    repository.git(['worktree', 'add', '-q', '--detach', linked]);
    expect(await placeOfCheckout(root)).toBeNull();
    repository.git(['config', 'core.bare', 'true']);
    await expect(findRepository(root)).rejects.toMatchObject({
      code: 'bare-repository',
      message: expect.stringContaining('core.bare = true'),
      hint: expect.stringContaining(`git -C '${root}' config core.bare false`),
    });
    expect(await placeOfCheckout(root)).toEqual({ root, gitCommonDir });
    expect(await findRepository(linked)).toMatchObject({ root, bare: false, linked: true });

    // One that is meant to be bare, with its worktrees beside it, is no such accident.
    const beside = path.join(repository.home, 'beside');
    repository.git(['clone', '-q', '--bare', gitCommonDir, path.join(beside, '.git')]);
    expect(await placeOfCheckout(beside)).toBeNull();
    await expect(findRepository(beside)).rejects.toMatchObject({ message: expect.stringContaining('bare repository') });
  });
});

describe('The person’s checkout', () => {
  it('is summed up without taking its index lock', async () => {
    using repository = makeRepository();
    expect(await dirtySummary(repository.root)).toEqual({ count: 0, names: [] });
    repository.write({ 'readme.txt': 'x\n', 'new ü.txt': 'n\n', 'dir/a': '', 'dir/b': '' });
    writeFileSync(path.join(repository.gitCommonDir, 'index.lock'), '');
    expect(await dirtySummary(repository.root)).toEqual({ count: 3, names: ['readme.txt', 'dir/', 'new ü.txt'] });
  });

  it('can be taken as a commit with everything dirty in it, untouched itself', async () => {
    using repository = makeRepository({ files: { '.gitignore': '*.log\n', 'a.txt': '1\n', 'gone.txt': 'g\n' } });
    expect(await snapshotDirty({ root: repository.root })).toEqual({
      commit: repository.git(['rev-parse', 'HEAD']),
      leftOut: [],
    });
    repository.write({ 'a.txt': '2\n', 'new.txt': 'n\n', 'x.log': 'l\n' });
    repository.git(['rm', '-q', 'gone.txt']);
    const before = repository.git(['status', '--porcelain=v2', '--branch']);
    const { commit } = await snapshotDirty({ root: repository.root });
    expect(repository.git(['status', '--porcelain=v2', '--branch'])).toBe(before);
    expect(repository.git(['ls-tree', '-r', '--name-only', commit]).split('\n')).toEqual([
      '.gitignore',
      'a.txt',
      'new.txt',
    ]);
    expect(repository.git(['show', `${commit}:a.txt`])).toBe('2');
    expect(repository.git(['rev-parse', `${commit}^`])).toBe(repository.git(['rev-parse', 'HEAD']));
  });

  it('tells the highest task number', async () => {
    using repository = makeRepository();
    expect(await highestTaskNumber(repository.root)).toBe(0);
    for (const name of ['swarm/task/t2', 'swarm/task/t10', 'swarm/task/x99', 'other/t50'])
      repository.git(['branch', name]);
    expect(await highestTaskNumber(repository.root)).toBe(10);
  });

  it('tells it where git lists branches in colour', async () => {
    using repository = makeRepository();
    repository.git(['branch', 'swarm/task/t10']);
    repository.git(['checkout', '-q', '-b', 'swarm/task/t11']);
    repository.git(['config', 'color.branch', 'always']);
    expect(await highestTaskNumber(repository.root)).toBe(11);
  });
});

describe('Worktrees', () => {
  it('are added side by side, without a branch and without running a hook', async () => {
    using repository = makeRepository();
    const told = path.join(repository.home, 'told');
    writeFileSync(path.join(repository.gitCommonDir, 'hooks/post-checkout'), `#!/bin/sh\ntouch '${told}'\n`);
    chmodSync(path.join(repository.gitCommonDir, 'hooks/post-checkout'), 0o755);
    const commit = repository.git(['rev-parse', 'HEAD']);
    const places = ['a', 'b', 'c d'].map((name) => path.join(repository.home, 'repo.swarm', name));
    await Promise.all(places.map((place) => addWorktree({ root: repository.root, path: place, commit })));
    const list = await listWorktrees(repository.root);
    expect(list.slice(1).map(({ path: place, branch, missing }) => ({ place, branch, missing }))).toEqual(
      places.map((place) => ({ place, branch: null, missing: false })),
    );
    expect(existsSync(told)).toBe(false);
    expect(await isRegisteredWorktree(repository.root, places[0] ?? '')).toBe(true);
  });

  it('drop their own stale registration and no other', async () => {
    using repository = makeRepository();
    const commit = repository.git(['rev-parse', 'HEAD']);
    const [mine, other] = ['mine', 'other'].map((name) => path.join(repository.home, name)) as [string, string];
    for (const place of [mine, other]) {
      await addWorktree({ root: repository.root, path: place, commit });
    }
    rmSync(mine, { recursive: true });
    rmSync(other, { recursive: true });
    await addWorktree({ root: repository.root, path: mine, commit });
    const list = await listWorktrees(repository.root);
    expect(list.find(({ path: place }) => place === mine)?.missing).toBe(false);
    expect(list.find(({ path: place }) => place === other)?.missing).toBe(true);
  });

  it('have the submodules that the main worktree has, without a network', async () => {
    using inner = makeRepository({ files: { 'inner.txt': 'i\n' } });
    using repository = makeRepository();
    for (const name of ['sub', 'not here']) {
      repository.git([
        '-c',
        'protocol.file.allow=always',
        'submodule',
        '--quiet',
        'add',
        '--name',
        `n.${name}`,
        inner.root,
        name,
      ]);
    }
    repository.git(['commit', '-qm', 'submodules']);
    repository.git(['submodule', '--quiet', 'deinit', '-f', 'not here']);
    const commit = repository.git(['rev-parse', 'HEAD']);
    // The original cannot be reached, as a server could not be.
    renameSync(inner.root, `${inner.root}.away`);
    const config = readFileSync(path.join(repository.gitCommonDir, 'config'), 'utf8');
    const place = path.join(repository.home, 'with submodules');
    expect(await addWorktree({ root: repository.root, path: place, commit })).toEqual({ notes: [] });
    expect(readFileSync(path.join(place, 'sub/inner.txt'), 'utf8')).toBe('i\n');
    expect(repository.git(['config', 'remote.origin.url'], path.join(place, 'sub'))).toBe(inner.root);
    expect(existsSync(path.join(place, 'not here/inner.txt'))).toBe(false);
    expect(readFileSync(path.join(repository.gitCommonDir, 'config'), 'utf8')).toBe(config);
    expect(repository.git(['status', '--porcelain'], place)).toBe('');
    // A commit that the main worktree's copy does not have.
    repository.git(['update-index', '--cacheinfo', `160000,${'e'.repeat(commit.length)},sub`]);
    repository.git(['commit', '-qm', 'unknown']);
    const other = path.join(repository.home, 'other');
    const { notes } = await addWorktree({
      root: repository.root,
      path: other,
      commit: repository.git(['rev-parse', 'HEAD']),
    });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain('submodule sub');
    expect(existsSync(path.join(other, 'readme.txt'))).toBe(true);
  });

  it('stay with their submodules, and are told what in those is nowhere else', async () => {
    using inner = makeRepository({ files: { 'inner.txt': 'i\n' } });
    using repository = makeRepository();
    repository.git(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.root, 'sub']);
    repository.git(['commit', '-qm', 'submodule']);
    const { root } = repository;
    const place = path.join(repository.home, 'w');
    await addWorktree({ root, path: place, commit: repository.git(['rev-parse', 'HEAD']) });
    const refused = async (code: string): Promise<void> => {
      await expect(removeWorktree({ root, path: place })).rejects.toMatchObject({ code });
      expect(existsSync(path.join(place, 'sub/inner.txt'))).toBe(true);
    };

    repository.write({ 'new.txt': 'n\n' }, path.join(place, 'sub'));
    await refused('worktree-dirty');
    const person = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.com'];
    repository.git(['add', '-A'], path.join(place, 'sub'));
    repository.git([...person, 'commit', '-qm', 'in the submodule'], path.join(place, 'sub'));
    await refused('worktree-dirty');
    const own = repository.git(['rev-parse', 'HEAD'], path.join(place, 'sub'));
    repository.commit({}, 'with it', place);
    await refused('worktree-has-submodules');
    repository.git(
      ['-c', 'protocol.file.allow=always', 'fetch', '-q', path.join(place, 'sub'), own],
      path.join(root, 'sub'),
    );
    // Plain git does not do it, and swarm never forces it: the person gets the command to type.
    await expect(removeWorktree({ root, path: place })).rejects.toMatchObject({
      code: 'worktree-has-submodules',
      hint: expect.stringContaining(`worktree remove --force '${place}'`),
    });
    repository.git(['worktree', 'remove', '--force', place]);
    expect(await isRegisteredWorktree(root, place)).toBe(false);
  });

  it('lose the locks that a killed git left, and none that a living one may hold', async () => {
    // A store of references in one file has no lock of a single one.
    using repository = makeRepository({ refs: 'files' });
    const { root: worktree, gitCommonDir } = repository;
    mkdirSync(path.join(gitCommonDir, 'refs/swarm/checkpoints/worker-1'), { recursive: true });
    const locks = ['index.lock', 'refs/heads/swarm/task/t1.lock', 'refs/swarm/checkpoints/worker-1/7.lock'];
    const others = ['refs/heads/swarm/task/t2.lock', 'refs/heads/main.lock'];
    mkdirSync(path.join(gitCommonDir, 'refs/heads/swarm/task'), { recursive: true });
    for (const name of [...locks, ...others]) writeFileSync(path.join(gitCommonDir, name), '');
    const places = { worktree, gitCommonDir, refs: ['swarm/checkpoints/worker-1', 'heads/swarm/task/t1'] };
    expect(await clearStaleLocks(places, () => true)).toEqual([]);
    expect(
      (await clearStaleLocks(places, () => false)).map((file) => path.relative(gitCommonDir, file)).toSorted(),
    ).toEqual(locks.toSorted());
    expect(others.every((name) => existsSync(path.join(gitCommonDir, name)))).toBe(true);
    expect(locks.some((name) => existsSync(path.join(gitCommonDir, name)))).toBe(false);
  });

  it('lose the lock of a whole store of references once no git can hold it any more', async () => {
    using repository = makeRepository();
    const { root, gitCommonDir } = repository;
    const worktree = path.join(repository.home, 'w');
    await addWorktree({ root, path: worktree, commit: repository.git(['rev-parse', 'HEAD']) });
    const own = path.join(gitCommonDir, 'worktrees/w/reftable/tables.list.lock');
    const common = path.join(gitCommonDir, 'reftable/tables.list.lock');
    for (const file of [own, common]) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, '');
    }
    const places = { worktree, gitCommonDir, refs: [] };
    expect(await clearStaleLocks(places, () => true)).toEqual([]);
    expect(await clearStaleLocks(places, () => false)).toEqual([own]);
    const longAgo = Date.now() / 1000 - 60;
    utimesSync(common, longAgo, longAgo);
    const all = { gitCommonDir, worktrees: [root, worktree] };
    expect(leftLocks(all, () => true)).toEqual([]);
    expect(leftLocks(all, () => false)).toMatchObject([{ file: common, stopsAll: true }]);
    expect(await clearStaleLocks(places, () => false)).toEqual([common]);
    expect([own, common].some((file) => existsSync(file))).toBe(false);
  });

  it('refuse to write over something, and to go away with work in them', async () => {
    using repository = makeRepository();
    const commit = repository.git(['rev-parse', 'HEAD']);
    const place = path.join(repository.home, 'w');
    repository.write({ 'keep.txt': 'k\n' }, place);
    await expect(addWorktree({ root: repository.root, path: place, commit })).rejects.toMatchObject({
      code: 'worktree-exists',
    });
    expect(existsSync(path.join(place, 'keep.txt'))).toBe(true);
    const other = path.join(repository.home, 'other');
    await expect(addWorktree({ root: repository.root, path: other, commit: 'f'.repeat(40) })).rejects.toBeInstanceOf(
      GitError,
    );
    expect(existsSync(other)).toBe(false);
    await addWorktree({ root: repository.root, path: other, commit });
    repository.write({ 'work.txt': 'w\n' }, other);
    await expect(removeWorktree({ root: repository.root, path: other })).rejects.toMatchObject({
      code: 'worktree-dirty',
    });
    expect(existsSync(path.join(other, 'work.txt'))).toBe(true);
    repository.commit({}, 'saved', other);
    await removeWorktree({ root: repository.root, path: other });
    expect(existsSync(other)).toBe(false);
    expect(await isRegisteredWorktree(repository.root, other)).toBe(false);
  });
});
