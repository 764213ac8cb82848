import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { removeExamined, type RemovalOutcome } from '../../../src/supervisor/history/remove-worktree.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';

interface Scene {
  repository: TestRepository;
  worktree: string;
  git(...args: string[]): string;
  write(files: Record<string, string>): void;
  remove(force?: boolean): Promise<RemovalOutcome>;
  checkpoints: CheckpointStore;
}

async function scene(repository: TestRepository): Promise<Scene> {
  const worktree = path.join(repository.home, 'repo.swarm', 'worker-1');
  await addWorktree({ root: repository.root, path: worktree, commit: 'main' });
  const layout = {
    root: repository.root,
    gitCommonDir: repository.gitCommonDir,
    shadowGit: path.join(repository.home, 'state', 'shadow.git'),
  };
  return {
    repository,
    worktree,
    git: (...args) => repository.git(args, worktree),
    write: (files) => repository.write(files, worktree),
    remove: (force = false) =>
      removeExamined({
        layout,
        limits: { maxFileBytes: 1_000_000 },
        worktree,
        agent: 'worker-1',
        force,
        reason: 'before-rm',
      }),
    checkpoints: new CheckpointStore({ ...layout, worktree, agent: 'worker-1' }),
  };
}

const kinds = ({ reasons }: RemovalOutcome): string[] => reasons.map(({ kind }) => kind);

/** Reasons against a removal, and what `--force` makes of each. */
const MOVABLE: [string, string[], (s: Scene) => void][] = [
  ['a change', ['uncommitted'], (s) => s.write({ 'readme.txt': 'changed\n' })],
  ['a staged change', ['uncommitted'], (s) => (s.write({ 'readme.txt': 'staged\n' }), s.git('add', '-A'))],
  ['a deleted file', ['uncommitted'], (s) => s.git('rm', '-q', 'readme.txt')],
  ['an untracked file', ['untracked'], (s) => s.write({ 'deep/er/new.txt': 'new\n', 'strange\nname': 'x\n' })],
  [
    'commits on a detached HEAD',
    ['commits'],
    (s) => void s.repository.commit({ 'mine.txt': 'mine\n' }, 'in no branch', s.worktree),
  ],
  [
    'a stash made here',
    ['stash'],
    (s) => {
      s.write({ 'readme.txt': 'put away\n' });
      s.git('stash', '-q');
    },
  ],
  [
    'a stash made on a branch that was left',
    ['stash'],
    (s) => {
      s.git('switch', '-q', '-c', 'swarm/task/t1');
      s.write({ 'readme.txt': 'put away\n' });
      s.git('stash', '-q');
      s.git('switch', '-q', '--detach', 'main');
    },
  ],
  [
    'an unfinished merge',
    ['uncommitted', 'operation'],
    (s) => {
      s.git('switch', '-q', '-c', 'swarm/task/t1');
      s.repository.commit({ 'readme.txt': 'left\n' }, 'left', s.worktree);
      s.repository.commit({ 'readme.txt': 'right\n' }, 'right');
      expect(s.repository.tryGit(['merge', 'main'], s.worktree).code).not.toBe(0);
    },
  ],
  [
    'a ref of this worktree alone',
    ['refs'],
    (s) => {
      s.repository.commit({ 'mine.txt': 'mine\n' }, 'aside', s.worktree);
      s.git('update-ref', 'refs/worktree/aside', 'HEAD');
      s.git('checkout', '-q', '--detach', 'main');
    },
  ],
];

describe('a worktree is kept, and its work moved to a checkpoint by force, where there is', () => {
  it.each(MOVABLE)('%s', async (_name, found, prepare) => {
    using repository = makeRepository();
    const s = await scene(repository);
    prepare(s);
    const kept = await s.remove();
    expect([kept.removed, kinds(kept)]).toEqual([false, found]);
    expect(existsSync(s.worktree)).toBe(true);

    const before = {
      status: s.git('status', '--porcelain=v2'),
      head: s.git('rev-parse', 'HEAD'),
      loose: s.repository.tryGit(['rev-parse', 'refs/worktree/aside'], s.worktree),
    };
    const forced = await s.remove(true);
    expect(forced, JSON.stringify(forced.reasons)).toMatchObject({ removed: true, reasons: [] });
    expect(existsSync(s.worktree)).toBe(false);

    // Everything comes back, in a new worktree, byte for byte.
    await addWorktree({ root: repository.root, path: s.worktree, commit: before.head });
    await s.checkpoints.rollback(forced.checkpoint ?? 0);
    expect([s.git('status', '--porcelain=v2'), s.git('rev-parse', 'HEAD')]).toEqual([before.status, before.head]);
    if (before.loose.code === 0) expect(repository.git(['cat-file', '-t', before.loose.output.trim()])).toBe('commit');
  });
});

describe('a worktree is kept, forced or not, where there is', () => {
  async function expectKept(s: Scene, kind: string, text: RegExp): Promise<void> {
    for (const force of [false, true]) {
      const outcome = await s.remove(force);
      expect(outcome.removed).toBe(false);
      expect(outcome.reasons).toContainEqual({ kind, text: expect.stringMatching(text) as string });
    }
    expect(existsSync(s.worktree)).toBe(true);
  }

  it('a living process', async () => {
    using repository = makeRepository();
    const s = await scene(repository);
    mkdirSync(path.join(s.worktree, 'deep'));
    const child = spawn('sleep', ['600'], { cwd: path.join(s.worktree, 'deep'), stdio: 'ignore' });
    try {
      await expectKept(s, 'process', new RegExp(`sleep \\(pid ${child.pid}\\)`));
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    expect((await s.remove()).removed).toBe(true);
  });

  it('a lock of git, or of a person', async () => {
    using repository = makeRepository();
    const s = await scene(repository);
    const lock = path.join(s.git('rev-parse', '--git-dir'), 'index.lock');
    writeFileSync(lock, '');
    await expectKept(s, 'lock', /index\.lock/);
    s.git('worktree', 'lock', s.worktree);
    await expectKept(s, 'lock', /git worktree lock/);
  });

  it('a repository inside that no checkpoint holds', async () => {
    using repository = makeRepository();
    const s = await scene(repository);
    s.write({ 'inner/file.txt': 'inner\n' });
    s.repository.git(['init', '-q'], path.join(s.worktree, 'inner'));
    await expectKept(s, 'nested-repository', /inner/);
    expect(readFileSync(path.join(s.worktree, 'inner/file.txt'), 'utf8')).toBe('inner\n');
  });

  const commitIn = (s: Scene, name: string): void => {
    const place = path.join(s.worktree, name);
    mkdirSync(place, { recursive: true });
    s.repository.git(['init', '-q', '-b', 'main', place]);
    s.repository.git(['config', 'user.name', 'inner'], place);
    s.repository.git(['config', 'user.email', 'inner@example.org'], place);
    s.repository.commit({ 'only-here.txt': 'only here\n' }, 'only here', place);
  };
  const INNER: [string, string, (s: Scene) => void][] = [
    [
      'staged in the place of a file',
      'inner',
      (s) => {
        s.repository.commit({ inner: 'a file\n' }, 'a file', s.worktree);
        s.git('rm', '-q', 'inner');
        commitIn(s, 'inner');
        s.git('add', 'inner');
      },
    ],
    [
      'committed as a link that .gitmodules does not know',
      'inner',
      (s) => {
        commitIn(s, 'inner');
        s.git('add', 'inner');
        s.git('commit', '-q', '-m', 'a link');
      },
    ],
    ['ignored', 'ignored/inner', (s) => (s.write({ 'ignored/.gitignore': '*\n' }), commitIn(s, 'ignored/inner'))],
    [
      'around files that are committed',
      'inner',
      (s) => {
        s.repository.commit({ 'inner/only-here.txt': 'only here\n' }, 'files', s.worktree);
        commitIn(s, 'inner');
      },
    ],
  ];

  it.each(INNER)('a repository inside with commits of its own, %s', async (_name, place, prepare) => {
    using repository = makeRepository();
    const s = await scene(repository);
    s.git('switch', '-q', '-c', 'swarm/task/t1');
    prepare(s);
    await expectKept(s, 'nested-repository', new RegExp(place));
    expect(s.repository.git(['log', '--format=%s'], path.join(s.worktree, place))).toBe('only here');
  });

  it('a repository of a submodule that is not checked out, with commits of its own', async () => {
    using repository = makeRepository();
    const s = await scene(repository);
    commitIn(s, 'gone');
    const modules = path.join(s.git('rev-parse', '--absolute-git-dir'), 'modules');
    mkdirSync(modules);
    renameSync(path.join(s.worktree, 'gone/.git'), path.join(modules, 'gone'));
    rmSync(path.join(s.worktree, 'gone'), { recursive: true });
    await expectKept(s, 'submodule', /modules\/gone/);
  });

  it('a submodule with changes, or with commits of its own', async () => {
    using library = makeRepository({ name: 'library', files: { 'lib.txt': 'lib\n' } });
    using repository = makeRepository();
    const allow = ['-c', 'protocol.file.allow=always'];
    repository.git([...allow, 'submodule', '--quiet', 'add', library.root, 'lib']);
    repository.git(['commit', '-q', '-m', 'with a library']);
    const s = await scene(repository);
    const inner = path.join(s.worktree, 'lib');
    writeFileSync(path.join(inner, 'lib.txt'), 'changed\n');
    await expectKept(s, 'submodule', /lib/);
    repository.git(['checkout', '-q', '--', '.'], inner);
    const person = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org'];
    writeFileSync(path.join(inner, 'lib.txt'), 'committed\n');
    repository.git([...person, 'commit', '-q', '-a', '-m', 'own'], inner);
    repository.git(['add', 'lib'], s.worktree);
    s.git('switch', '-q', '-c', 'with-it');
    s.git('commit', '-q', '-m', 'moves the library');
    await expectKept(s, 'submodule', /nowhere else/);
  });

  it('a check that cannot be made', async () => {
    using repository = makeRepository();
    const s = await scene(repository);
    writeFileSync(path.join(s.worktree, '.git'), 'gitdir: /nonexistent\n');
    await expectKept(s, 'check-failed', /could not be made sure/);
  });
});

it('a branch before its first commit: forced, its files move to the checkpoint', async () => {
  using repository = makeRepository();
  const s = await scene(repository);
  s.git('switch', '-q', '--orphan', 'fresh');
  s.write({ 'staged.txt': 'staged\n', 'new.txt': 'new\n' });
  s.git('add', 'staged.txt');
  expect((await s.remove()).removed).toBe(false);
  const { removed, reasons, checkpoint } = await s.remove(true);
  expect({ removed, reasons }).toEqual({ removed: true, reasons: [] });
  for (const name of ['staged', 'new'])
    expect(repository.git(['show', `refs/swarm/checkpoints/worker-1/${checkpoint}:${name}.txt`])).toBe(name);
});

it('a clean worktree goes, with what git ignores; its branch, and stashes of others, stay', async () => {
  using repository = makeRepository({ files: { 'readme.txt': 'hello\n', '.gitignore': 'ignored/\n' } });
  const s = await scene(repository);
  repository.write({ 'readme.txt': 'of the person\n' });
  repository.git(['stash', '-q']);
  s.git('switch', '-q', '-c', 'swarm/task/t1');
  repository.commit({ 'done.txt': 'done\n' }, 'done', s.worktree);
  s.write({ 'ignored/cache.bin': 'x' });
  expect(await s.remove()).toMatchObject({ removed: true, reasons: [], checkpoint: 1 });
  expect(existsSync(s.worktree)).toBe(false);
  expect(repository.git(['show', 'swarm/task/t1:done.txt'])).toBe('done');
  expect(repository.git(['stash', 'list'])).not.toBe('');
});

it('a mere clone among what git ignores goes with its worktree', async () => {
  using library = makeRepository({ name: 'library' });
  using repository = makeRepository({ files: { '.gitignore': 'dependencies/\n' } });
  const s = await scene(repository);
  repository.git(['clone', '-q', library.root, path.join(s.worktree, 'dependencies/library')]);
  expect(await s.remove()).toMatchObject({ removed: true, reasons: [] });
});

it('a change that git was told not to look at is found', async () => {
  using repository = makeRepository();
  const s = await scene(repository);
  s.git('update-index', '--assume-unchanged', 'readme.txt');
  s.write({ 'readme.txt': 'hidden\n' });
  expect(kinds(await s.remove())).toEqual(['uncommitted']);
});
