import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { journalPath } from '../../../src/checkpoint/restore/journal.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { gitSpawnCount } from '../../../src/git/git.ts';
import { makeRepository, REF_FORMATS } from '../../support/git-repository.ts';
import { gitFacts, walk } from './walk.ts';
import { addAgent, makeWorld } from './world.ts';

const because = { reason: 'test' };

function identityOf(file: string): string {
  const { ino, mtimeNs, size } = lstatSync(file, { bigint: true });
  return `${ino} ${mtimeNs} ${size}`;
}

describe('Capturing', () => {
  it('numbers checkpoints, tells what each was for, and lists them with one process', async () => {
    using world = await makeWorld();
    await world.store.capture({
      reason: 'task start',
      task: 't7',
      attempt: 2,
      sessionId: 'abc',
      transcriptUuid: 'def',
    });
    world.write({ 'a.txt': '1\n', 'b.txt': '2\n' });
    const second = await world.store.capture({ reason: 'with\na line break: and a colon' });
    const before = gitSpawnCount();
    const list = await world.store.list();
    expect(gitSpawnCount() - before).toBe(1);
    expect(list.map(({ n }) => n)).toEqual([1, 2]);
    expect(list[0]).toMatchObject({
      ref: 'refs/swarm/checkpoints/worker-1/1',
      agent: 'worker-1',
      reason: 'task start',
      task: 't7',
      attempt: 2,
      sessionId: 'abc',
      transcriptUuid: 'def',
      branch: 'swarm/task/t1',
      head: world.git('rev-parse', 'HEAD'),
      files: 0,
    });
    expect(list[1]).toMatchObject({
      reason: 'with a line break: and a colon',
      commit: second.commit,
      tree: second.tree,
      files: 2,
      task: null,
    });
    expect(Date.parse(list[1]?.at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(await world.store.head()).toEqual(list[1]);
    expect(world.git('log', '--format=%H', '--all', '--not', '--glob=refs/swarm/*')).not.toContain(second.commit);
  });

  it('does not commit the same state twice, and needs two processes to know', async () => {
    // References in files are read without a process.
    using world = await makeWorld({ refs: 'files' });
    const first = await world.store.capture(because);
    // While a file is as young as the index that knows it, git cannot tell without reading it.
    const past = new Date(Date.now() - 60_000);
    utimesSync(path.join(world.worktree, 'readme.txt'), past, past);
    await world.store.capture(because);
    const before = gitSpawnCount();
    const again = await world.store.capture(because);
    expect(gitSpawnCount() - before).toBeLessThanOrEqual(2);
    expect(again).toEqual({ ...first, created: false });
    const stranger = new CheckpointStore(world.store.place);
    expect(await stranger.capture(because)).toMatchObject({ n: 1, created: false });
    expect(await world.store.capture({ reason: 'by hand', force: true })).toMatchObject({ n: 2, created: true });
  });

  it.each([
    ['an empty directory', (w: string) => mkdirSync(path.join(w, 'hollow'))],
    ['an empty directory below an empty one', (w: string) => mkdirSync(path.join(w, 'void/inner'))],
    ['an empty directory that went', (w: string) => rmdirSync(path.join(w, 'void'))],
    ['a file that is closed to others', (w: string) => chmodSync(path.join(w, 'readme.txt'), 0o600)],
    ['a directory that is closed to others', (w: string) => chmodSync(path.join(w, 'sub'), 0o700)],
    ['the same of one that holds only an empty one', (w: string) => chmodSync(path.join(w, 'holds'), 0o700)],
    ['a staged file', (w: string, git: (...a: string[]) => string) => git('add', 'loose.txt')],
    ['a commit', (_: string, git: (...a: string[]) => string) => git('commit', '-q', '--allow-empty', '-m', 'x')],
    ['another branch', (_: string, git: (...a: string[]) => string) => git('checkout', '-q', '-b', 'other')],
  ])('notices %s although no file changed', async (_, change) => {
    using world = await makeWorld({ files: { 'readme.txt': 'hello\n', 'sub/file.txt': 'x\n' } });
    world.write({ 'loose.txt': 'loose\n' });
    mkdirSync(path.join(world.worktree, 'void'));
    mkdirSync(path.join(world.worktree, 'holds/hollow'), { recursive: true });
    await world.store.capture(because);
    expect(await world.store.capture(because)).toMatchObject({ n: 1, created: false });
    change(world.worktree, world.git);
    expect(await world.store.capture(because)).toMatchObject({ n: 2, created: true });
    expect(await world.store.capture(because)).toMatchObject({ n: 2, created: false });
  });

  it('takes no notice of a status that only refreshes the index', async () => {
    using world = await makeWorld();
    await world.store.capture(because);
    const content = readFileSync(path.join(world.worktree, 'readme.txt'));
    writeFileSync(path.join(world.worktree, 'readme.txt'), content);
    world.git('update-index', '--refresh');
    expect(await world.store.capture(because)).toMatchObject({ n: 1, created: false });
  });

  it('never touches the index, nor a lock that another program holds on it', async () => {
    using world = await makeWorld();
    const gitDir = world.git('rev-parse', '--absolute-git-dir');
    const before = identityOf(path.join(gitDir, 'index'));
    writeFileSync(path.join(gitDir, 'index.lock'), 'held by another git');
    world.write({ 'a.txt': '1\n' });
    await world.store.capture(because);
    await world.store.capture(because);
    expect(identityOf(path.join(gitDir, 'index'))).toBe(before);
    expect(readFileSync(path.join(gitDir, 'index.lock'), 'utf8')).toBe('held by another git');
    await expect(world.store.rollback(1)).rejects.toMatchObject({ code: 'index-locked', retrySafe: true });
    expect(existsSync(journalPath(world.store.place))).toBe(false);
    rmSync(path.join(gitDir, 'index.lock'));
    expect(await world.store.rollback(1)).toMatchObject({ n: 1 });
  });

  it('is not stopped by a lock file that a killed git left on its own index', async () => {
    using world = await makeWorld();
    await world.store.capture(because);
    writeFileSync(path.join(world.store.place.shadowGit, 'worker-1.index.lock'), '');
    writeFileSync(path.join(world.store.place.shadowGit, 'worker-1.index.work-99999999-abc'), '');
    world.write({ 'a.txt': '1\n' });
    expect(await new CheckpointStore(world.store.place).capture(because)).toMatchObject({ n: 2, created: true });
    expect(readdirSync(world.store.place.shadowGit).filter((name) => name.includes('.work-'))).toEqual([]);
  });

  it('passes over a number whose ref a killed git has left locked', async () => {
    using world = await makeWorld({ refs: 'files' });
    const first = await world.store.capture(because);
    const refs = path.join(world.store.place.gitCommonDir, 'refs/swarm/checkpoints/worker-1');
    writeFileSync(path.join(refs, `${first.n + 1}.lock`), '');
    world.write({ 'a.txt': '1\n' });
    expect(await world.store.capture(because)).toMatchObject({ n: first.n + 2, created: true });
    world.write({ 'b.txt': '1\n' });
    expect(await new CheckpointStore(world.store.place).capture(because)).toMatchObject({ n: first.n + 3 });
  });

  it('lets two agents capture at the same moment, the first one of all', async () => {
    using repository = makeRepository();
    const agents = await Promise.all(['worker-1', 'worker-2'].map((agent) => addAgent(repository, agent)));
    for (const [at, { worktree }] of agents.entries()) repository.write({ 'mine.txt': `${at}\n` }, worktree);
    const rounds = await Promise.all(agents.map(({ store }) => store.capture(because)));
    expect(rounds.map(({ n, created }) => ({ n, created }))).toEqual([
      { n: 1, created: true },
      { n: 1, created: true },
    ]);
    for (const [at, { n }] of rounds.entries()) {
      expect(repository.git(['show', `refs/swarm/checkpoints/worker-${at + 1}/${n}:mine.txt`])).toBe(`${at}`);
    }
    const { worktree, store } = agents[0] ?? expect.fail();
    expect(readdirSync(path.dirname(store.place.shadowGit))).toEqual(['shadow.git']);
    // Stores that know nothing of each other share one agent's numbers by compare-and-swap.
    repository.write({ 'mine.txt': 'again\n' }, worktree);
    const strangers = [1, 2, 3].map(
      (n) => new CheckpointStore({ ...store.place, shadowGit: `${store.place.shadowGit}-${n}` }),
    );
    const numbers = await Promise.all(
      strangers.map((stranger) => stranger.capture({ reason: `race of ${stranger.place.shadowGit}`, force: true })),
    );
    expect(new Set(numbers.map(({ n }) => n)).size).toBe(3);
  });

  it('captures the rest when a nested repository has no commit, and says so', async () => {
    using world = await makeWorld();
    mkdirSync(path.join(world.worktree, 'nested'));
    world.git('init', '-q', 'nested');
    world.write({ 'nested/file.txt': 'n\n', 'beside.txt': 'b\n' });
    const captured = await world.store.capture(because);
    expect(captured.created).toBe(true);
    expect(captured.warnings.join()).toContain('nested');
    expect(world.git('show', `${captured.commit}:beside.txt`)).toBe('b');
    const back = await world.store.rollback(captured.n);
    expect(back.safety).toBe(captured.n);
    expect(readFileSync(path.join(world.worktree, 'nested/file.txt'), 'utf8')).toBe('n\n');
  });

  it.each(REF_FORMATS)('starts nothing at a timer while nothing stirs, and sees what does: %s', async (refs) => {
    using world = await makeWorld({ refs, files: { 'readme.txt': 'hello\n', 'sub/file.txt': 'x\n' } });
    const tick = () => world.store.captureIfStirred(() => Promise.resolve({ reason: 'regular' }));
    expect(await tick()).toMatchObject({ n: 1, created: true });
    expect(await tick()).toMatchObject({ n: 1, created: false });
    const before = gitSpawnCount();
    expect(await tick()).toBeNull();
    expect(gitSpawnCount()).toBe(before);
    const changes = [
      () => world.write({ 'sub/file.txt': 'y\n' }),
      () => world.write({ 'sub/new/deep.txt': 'z\n' }),
      () => world.write({ 'sub/new/deep.txt': 'zz\n' }),
      () => void world.git('add', 'sub/new/deep.txt'),
      () => chmodSync(path.join(world.worktree, 'readme.txt'), 0o600),
      () => void world.git('symbolic-ref', 'HEAD', 'refs/heads/main'),
    ];
    for (const [at, change] of changes.entries()) {
      change();
      await expect.poll(tick).toMatchObject({ n: at + 2, created: true });
      await expect.poll(tick).toBeNull();
    }
    world.store.close();
    expect(await tick()).not.toBeNull();
    world.store.close();
  });

  it('leaves out what is too large, names it, and never overwrites it', async () => {
    using world = await makeWorld();
    const store = new CheckpointStore(world.store.place, { maxFileBytes: 1_000 });
    world.write({ 'grows.bin': 'small\n', 'sub/large.bin': Buffer.alloc(2_000), 'beside.txt': 'b\n' });
    const first = await store.capture(because);
    expect(first.warnings).toEqual(['left out, 2KiB is more than checkpoints.maxFileSize: sub/large.bin']);
    expect((await store.list())[0]?.warnings).toEqual(first.warnings);
    expect(world.git('ls-tree', '-r', '--name-only', first.commit)).toBe('beside.txt\ngrows.bin\nreadme.txt');
    world.write({ 'grows.bin': Buffer.alloc(3_000, 'x') });
    const second = await store.capture(because);
    expect(second.warnings).toHaveLength(2);
    expect(world.git('ls-tree', '-r', '--name-only', second.commit)).toBe('beside.txt\nreadme.txt');
    expect(await store.capture(because)).toMatchObject({ n: 2, created: false });
    const { safety } = await store.rollback(1);
    expect(readFileSync(path.join(world.worktree, 'grows.bin'), 'utf8')).toBe('small\n');
    expect(lstatSync(path.join(world.worktree, 'sub/large.bin')).size).toBe(2_000);
    await store.rollback(safety);
    expect(lstatSync(path.join(world.worktree, 'grows.bin')).size).toBe(3_000);
  });

  it('warns of untracked names that look like secrets, once, and of nested repositories with changes', async () => {
    using world = await makeWorld({ files: { 'readme.txt': 'r\n', 'tracked.pem': 'public\n' } });
    world.write({ '.env.local': 'KEY=1\n', 'deploy/id_rsa': 'k\n', '.env.example': 'KEY=\n' });
    mkdirSync(path.join(world.worktree, 'vendor'));
    world.git('init', '-q', 'vendor/lib');
    const nested = path.join(world.worktree, 'vendor/lib');
    world.repository.git(['config', 'user.name', 'n'], nested);
    world.repository.git(['config', 'user.email', 'n@example.org'], nested);
    world.repository.commit({ 'x.txt': 'x\n' }, 'x', nested);
    const clean = await world.store.capture(because);
    expect(clean.warnings.map((text) => text.split(': ').at(-1))).toEqual(['.env.local', 'deploy/id_rsa']);
    const head = world.repository.git(['rev-parse', 'HEAD'], nested);
    expect(world.git('ls-tree', '-r', clean.commit, 'vendor/lib')).toBe(`160000 commit ${head}\tvendor/lib`);
    world.write({ 'vendor/lib/x.txt': 'changed\n' });
    const dirty = await world.store.capture({ ...because, force: true });
    expect(dirty.warnings).toEqual(['only its commit is kept, not the changes inside the repository vendor/lib']);
    world.repository.commit({}, 'moved on', nested);
    expect((await world.store.capture(because)).created).toBe(true);
  });

  it.each(['before its ref stands', 'between two of them'])(
    'survives a collection that prunes everything %s',
    async (when) => {
      using world = await makeWorld();
      const gc = (): string => world.repository.git(['gc', '-q', '--prune=now']);
      world.write({ 'a.txt': 'only here\n', 'b/c.txt': 'and here\n' });
      await world.store.capture(because);
      if (when === 'between two of them') {
        // The cache of the shadow index goes on naming objects that no ref keeps any more.
        world.git('update-ref', '-d', 'refs/swarm/checkpoints/worker-1/1');
        gc();
        world.write({ 'd.txt': 'new\n' });
      } else {
        world.write({ 'a.txt': 'changed\n' });
        await world.store.diff(1, null);
        gc();
      }
      const { commit } = await world.store.capture(because);
      expect(world.repository.tryGit(['rev-list', '--objects', '--quiet', commit]).code).toBe(0);
      expect(world.git('show', `${commit}:b/c.txt`)).toBe('and here');
    },
  );

  it('does not wait for a collection that was killed, and waits for one that runs', async () => {
    using world = await makeWorld();
    const file = path.join(world.repository.gitCommonDir, 'gc.pid');
    const killed = spawnSync('true').pid;
    writeFileSync(file, `${killed} ${os.hostname()}\n`);
    await world.store.capture(because);
    writeFileSync(file, `${process.pid} ${os.hostname()}\n`);
    let done = false;
    const waiting = world.store.capture({ ...because, force: true }).then(() => (done = true));
    await expect.poll(() => world.store.list()).toHaveLength(2);
    expect(done).toBe(false);
    rmSync(file);
    await waiting;
  });

  it('runs no hook and no filter', async () => {
    using world = await makeWorld({ files: { '.gitattributes': '*.txt filter=tell\n', 'a.txt': 'a\n' } });
    const told = path.join(world.repository.home, 'told');
    world.git('config', 'filter.tell.clean', `tee -a '${told}'`);
    world.git('config', 'filter.tell.smudge', `tee -a '${told}'`);
    for (const hook of ['reference-transaction', 'post-index-change', 'post-checkout', 'pre-commit']) {
      writeFileSync(path.join(world.repository.gitCommonDir, 'hooks', hook), `#!/bin/sh\necho ${hook} >> '${told}'\n`, {
        mode: 0o755,
      });
    }
    world.write({ 'a.txt': 'b\n', 'c.txt': 'c\n' });
    rmSync(told, { force: true });
    const { n } = await world.store.capture(because);
    expect(existsSync(told)).toBe(false);
    world.write({ 'a.txt': 'd\n' });
    world.git('-c', 'core.hooksPath=/dev/null', 'add', '-A');
    rmSync(told, { force: true });
    await world.store.rollback(n);
    expect(existsSync(told) ? readFileSync(told, 'utf8') : '').not.toMatch(/reference|post|pre/);
    expect(readFileSync(path.join(world.worktree, 'a.txt'), 'utf8')).toBe('b\n');
  });

  it('honours what the person excludes in the repository and in a file of their own', async () => {
    using world = await makeWorld();
    writeFileSync(path.join(world.repository.home, 'excludes'), '*.mine\n');
    world.git('config', 'core.excludesFile', path.join(world.repository.home, 'excludes'));
    writeFileSync(path.join(world.repository.gitCommonDir, 'info', 'exclude'), '*.local\n');
    world.write({ 'a.mine': 'x\n', 'b.local': 'x\n', 'c.txt': 'x\n', 'pkg/node/d.local': 'x\n' });
    mkdirSync(path.join(world.worktree, 'pkg/hollow'));
    const { commit } = await world.store.capture(because);
    expect(world.git('ls-tree', '-r', '--name-only', commit).split('\n')).toEqual(['c.txt', 'readme.txt']);
    rmSync(path.join(world.worktree, 'pkg/hollow'), { recursive: true });
    await world.store.rollback(1);
    expect(existsSync(path.join(world.worktree, 'pkg/hollow'))).toBe(true);
    expect(readFileSync(path.join(world.worktree, 'a.mine'), 'utf8')).toBe('x\n');
  });

  it('works in a repository of SHA-256 objects, before the first commit of a branch, and at a path with spaces', async () => {
    using repository = makeRepository({ name: 'a räpo with spaces' });
    const root = path.join(repository.home, 'sha two');
    repository.git(['init', '-q', '-b', 'main', '--object-format=sha256', root]);
    repository.git(['config', 'user.name', 'n'], root);
    repository.git(['config', 'user.email', 'n@example.org'], root);
    repository.write({ 'a.txt': 'a\n' }, root);
    const store = new CheckpointStore({
      gitCommonDir: path.join(root, '.git'),
      shadowGit: path.join(repository.home, 's t', 'shadow.git'),
      worktree: root,
      agent: 'w',
    });
    const { n, commit } = await store.capture(because);
    expect(commit).toHaveLength(64);
    repository.commit({ 'a.txt': 'b\n' }, 'first', root);
    await store.rollback(n);
    expect(readFileSync(path.join(root, 'a.txt'), 'utf8')).toBe('a\n');
    expect(repository.tryGit(['rev-parse', '-q', '--verify', 'HEAD'], root).code).toBe(1);
  });

  it('names what it does not have', async () => {
    using world = await makeWorld();
    expect(await world.store.list()).toEqual([]);
    expect(await world.store.head()).toBeNull();
    await expect(world.store.rollback(3)).rejects.toMatchObject({ code: 'unknown-checkpoint', exitCode: 2 });
    expect(() => new CheckpointStore({ ...world.store.place, agent: '../x' })).toThrow(/ref name/);
  });

  it('shows the difference of two checkpoints', async () => {
    using world = await makeWorld();
    await world.store.capture(because);
    world.write({ 'readme.txt': 'hello\nworld\n' });
    await world.store.capture(because);
    const diff = await world.store.diff(1, 2);
    expect(diff.text).toContain('+world');
    expect(diff.files).toEqual([{ path: 'readme.txt', added: 1, removed: 0 }]);
  });
});

describe('An interrupted rollback', () => {
  it('is finished by recover, wherever the kill came', async () => {
    using world = await makeWorld({ files: { 'a.txt': '1\n', 'b.txt': '1\n', 'dir/c.txt': '1\n' } });
    world.write({ 'a.txt': 'target\n', 'only-there.txt': 'x\n' });
    const { n } = await world.store.capture(because);
    const files = walk(world.worktree);
    const facts = gitFacts(world.repository, world.worktree);
    world.git('add', '-A');
    world.git('commit', '-qm', 'went on');
    world.write({ 'a.txt': 'later\n', 'new.txt': 'n\n' });
    const { n: safety } = await world.store.capture(because);
    // As a kill leaves it: the journal, swarm's lock on the index, some files done and some not.
    writeFileSync(journalPath(world.store.place), JSON.stringify({ n, safety, at: '2026-01-01T00:00:00.000Z' }));
    const meta = (await world.store.list())[0]?.meta ?? '';
    const gitDir = world.git('rev-parse', '--absolute-git-dir');
    const bytes = execFileSync('git', ['cat-file', 'blob', `${meta}:index`], { cwd: world.worktree });
    writeFileSync(path.join(gitDir, 'index.lock'), bytes);
    world.write({ 'a.txt': 'target\n' });

    await expect(world.store.rollback(n)).rejects.toMatchObject({ code: 'rollback-under-way' });
    expect(await new CheckpointStore(world.store.place).recover()).toEqual({ n, safety, outcome: 'finished' });
    expect(walk(world.worktree)).toEqual(files);
    expect(gitFacts(world.repository, world.worktree)).toEqual(facts);
    expect(existsSync(path.join(gitDir, 'index.lock'))).toBe(false);
    expect(await world.store.recover()).toBeNull();
  });

  it('brings back what is ignored at its checkpoint, of the first try; also without that one it is finished', async () => {
    using world = await makeWorld({ files: { '.gitignore': 'cache/\n' } });
    const cache = path.join(world.worktree, 'cache');
    world.write({ 'cache/data.bin': 'kept\n' });
    const { n } = await world.store.capture(because);
    world.write({ '.gitignore': '', 'a.txt': 'later\n' });
    const { n: safety } = await world.store.capture(because);
    world.write({ 'a.txt': 'later still\n' });
    const torn = await world.store.capture(because);
    rmSync(path.join(world.repository.gitCommonDir, 'objects', torn.tree.slice(0, 2), torn.tree.slice(2)));
    for (const [of, left] of [
      [77, []],
      [torn.n, []],
      [safety, ['data.bin']],
    ] as const) {
      // As a kill leaves it: no longer in the way of the checkpoint, and not back yet.
      world.write({ '.gitignore': 'cache/\n' });
      rmSync(cache, { recursive: true, force: true });
      writeFileSync(journalPath(world.store.place), JSON.stringify({ n, safety: of, at: 'x' }));
      expect(await world.store.recover()).toEqual({ n, safety: of, outcome: 'finished' });
      expect(existsSync(cache) ? readdirSync(cache) : []).toEqual(left);
    }
    expect(readFileSync(path.join(cache, 'data.bin'), 'utf8')).toBe('kept\n');
  });

  it.each([
    ['foo', 'foo/bar'],
    ['foo/bar', 'foo'],
  ])('of the branch %s ends where %s has taken its name meanwhile, at once and after a kill', async (then, now) => {
    using world = await makeWorld();
    world.git('switch', '-q', '-c', then);
    const head = world.git('rev-parse', 'HEAD');
    const { n } = await world.store.capture(because);
    world.git('switch', '-q', '--detach');
    world.git('branch', '-q', '-D', then);
    world.git('switch', '-q', '-c', now);
    world.repository.commit({ 'a.txt': 'later\n' }, 'later', world.worktree);
    const later = world.git('rev-parse', 'HEAD');
    const done = await world.store.rollback(n);
    const warning = `the branch ${then} cannot be made again beside the branch ${now}: HEAD is detached at ${head.slice(0, 12)} instead. To have it, rename that one first: \`git branch -m '${now}' <another name>\`, then \`git switch -c '${then}'\``;
    expect(done.warnings).toEqual([warning]);
    const isDetached = (): void => {
      expect(world.git('status', '-sb')).toBe('## HEAD (no branch)');
      expect([world.git('rev-parse', 'HEAD'), world.git('rev-parse', now)]).toEqual([head, later]);
    };
    isDetached();
    await world.store.rollback(done.safety);
    expect(world.git('status', '-sb')).toBe(`## ${now}`);
    const { safety } = done;
    writeFileSync(journalPath(world.store.place), JSON.stringify({ n, safety, at: 'x' }));
    expect(await world.store.recover()).toEqual({ n, safety, outcome: 'finished' });
    isDetached();
    world.git('branch', '-q', '-m', now, 'another');
    world.git('switch', '-q', '-c', then);
  });

  it('is undone when its checkpoint cannot be read any more', async () => {
    using world = await makeWorld();
    world.write({ 'a.txt': 'now\n' });
    const { n: safety } = await world.store.capture(because);
    writeFileSync(journalPath(world.store.place), JSON.stringify({ n: 77, safety, at: 'x' }));
    world.write({ 'a.txt': 'half\n' });
    expect(await world.store.recover()).toEqual({ n: 77, safety, outcome: 'undone' });
    expect(readFileSync(path.join(world.worktree, 'a.txt'), 'utf8')).toBe('now\n');
    const list = await world.store.list();
    expect(list.some(({ commit }) => world.repository.tryGit(['show', `${commit}:a.txt`]).output === 'half')).toBe(
      true,
    );
  });

  it('is forgotten when it had not begun', async () => {
    using world = await makeWorld();
    await world.store.capture(because);
    writeFileSync(journalPath(world.store.place), '{"n":1,"saf');
    expect(await world.store.recover()).toMatchObject({ outcome: 'never-begun' });
    expect(await world.store.recover()).toBeNull();
  });
});
