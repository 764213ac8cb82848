import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Aside } from '../../../src/git/worktree/aside.ts';
import { gitSpawnCount } from '../../../src/git/git.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { cleanLitter } from '../../../src/git/worktree/litter.ts';
import { taskDiff } from '../../../src/git/task/task-diff.ts';
import { undoMerge } from '../../../src/git/merge/undo-merge.ts';
import { makeRepository } from '../../support/git-repository.ts';
import type { RepositoryOptions, TestRepository } from '../../support/git-repository.ts';
import { aResult, anAgent, innerOne, merge, scratchOf, type Agent } from './agent.ts';

/** The files without those in a `.git`. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/(^|\/)\.git(\/|$)/.test(name) && statSync(path.join(folder, name)).isFile())
    .toSorted();
}

const HOOKS = [
  'pre-commit',
  'commit-msg',
  'post-commit',
  'post-checkout',
  'pre-merge-commit',
  'post-merge',
  'reference-transaction',
  'prepare-commit-msg',
];

/** Makes a repository whose every hook fails and leaves a trace, and whose signing program fails. */
function makeHostile(repository: TestRepository): string {
  const told = path.join(repository.home, 'told');
  for (const hook of HOOKS)
    writeFileSync(path.join(repository.gitCommonDir, 'hooks', hook), `#!/bin/sh\necho ${hook} >> '${told}'\nexit 1\n`, {
      mode: 0o755,
    });
  repository.git(['config', 'commit.gpgSign', 'true']);
  repository.git(['config', 'gpg.program', '/bin/false']);
  return told;
}

describe('Preparing a task', () => {
  it('takes three processes when the worktree is clean and already there', async () => {
    // Of references in files it is seen without a process that no operation is under way.
    using repository = makeRepository({ refs: 'files' });
    const agent = await anAgent(repository);
    const before = gitSpawnCount();
    const prepared = await agent.prepare({ checkpoint: agent.git('rev-parse', 'HEAD') });
    expect(gitSpawnCount() - before).toBeLessThanOrEqual(3);
    expect(prepared).toEqual({
      commit: repository.git(['rev-parse', 'main']),
      base: repository.git(['rev-parse', 'main']),
      fastPath: true,
      conflict: null,
      leftovers: [],
      aside: [],
      notes: [],
    });
    expect(agent.git('symbolic-ref', 'HEAD')).toBe('refs/heads/swarm/task/t1');
    expect(repository.tryGit(['config', 'branch.swarm/task/t1.remote']).code).toBe(1);
  });

  it('starts at the tip that the base branch has now, or at a fixed commit, or at another task’s result', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    const first = repository.git(['rev-parse', 'main']);
    const tip = repository.commit({ 'a.txt': 'a\n' });
    const other = aResult(repository, 't9', { 'b.txt': 'b\n' });
    expect((await agent.prepare()).commit).toBe(tip);
    expect((await agent.prepare({ base: { branch: null, commit: first } })).commit).toBe(first);
    expect((await agent.prepare({ on: other })).commit).toBe(other);
    expect(agent.read('b.txt')).toBe('b\n');
    await expect(agent.prepare({ on: 'f'.repeat(40) })).rejects.toMatchObject({ code: 'unknown-revision' });
  });

  it('removes what the task before left, names it, and lets ignored files be', async () => {
    using repository = makeRepository({ files: { '.gitignore': 'node_modules/\n', 'a.txt': 'a\n', 'b.txt': 'b\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'a.txt': 'changed\n', 'deep/er/new.txt': 'n\n', 'node_modules/m.js': 'm\n', 'staged.txt': 's\n' });
    agent.git('add', 'staged.txt');
    const prepared = await agent.prepare({ taskBranch: 'swarm/task/t2' });
    expect(prepared.fastPath).toBe(false);
    expect([...prepared.leftovers].sort()).toEqual(['a.txt', 'deep/er/new.txt', 'staged.txt']);
    expect(agent.git('status', '--porcelain')).toBe('');
    expect(agent.read('a.txt')).toBe('a\n');
    expect(existsSync(path.join(agent.worktree, 'deep'))).toBe(false);
    expect(agent.read('node_modules/m.js')).toBe('m\n');
  });

  it('moves aside, instead of deleting, what no checkpoint holds', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ '.gitignore': 'cache/\n', 'cache/x': 'only here\n' });
    agent.git('add', '-A');
    agent.git('commit', '-qm', 'ignores cache');
    mkdirSync(path.join(agent.worktree, 'clone'));
    repository.git(['init', '-q', '-b', 'main', path.join(agent.worktree, 'clone')]);
    agent.write({ 'clone/work.txt': 'nested work\n' });
    const prepared = await agent.prepare({ taskBranch: 'swarm/task/t2' });
    expect([...prepared.leftovers].sort()).toEqual(['cache/x', 'clone/']);
    expect(agent.git('status', '--porcelain')).toBe('');
    const aside = path.join(agent.git('rev-parse', '--absolute-git-dir'), 'swarm-aside');
    const [when = ''] = readdirSync(aside);
    expect(readFileSync(path.join(aside, when, 'cache/x'), 'utf8')).toBe('only here\n');
    expect(readFileSync(path.join(aside, when, 'clone/work.txt'), 'utf8')).toBe('nested work\n');
  });

  interface InTheWay {
    /** Files of the base at the start of the next task. */
    next: Record<string, string>;
    /** Puts files into the worktree; the first is called `tracked`. */
    lies: (agent: Agent, innerOne: (name: string) => void) => void;
    /** The files that are found aside. */
    aside: string[];
  }
  const IN_THE_WAY: Record<string, InTheWay> = {
    'a repository in the place of a file': {
      next: {},
      lies: (agent, innerOne) => (rmSync(path.join(agent.worktree, 'tracked')), innerOne('tracked')),
      aside: ['tracked/only-here.txt'],
    },
    'one that is staged': {
      next: { 'next.txt': 'n\n' },
      lies: (agent, innerOne) => (
        rmSync(path.join(agent.worktree, 'tracked')),
        innerOne('tracked'),
        agent.git('add', 'tracked')
      ),
      aside: ['tracked/only-here.txt'],
    },
    'an ignored one, where a file comes': {
      next: { 'my.local': 'from git\n' },
      lies: (_agent, innerOne) => innerOne('my.local/deep'),
      aside: ['my.local/deep/only-here.txt'],
    },
    'an ignored file, and a directory of such': {
      next: { 'my.local': 'from git\n', 'data.local': 'from git\n', 'flat.local/x': 'from git\n' },
      lies: (agent) => agent.write({ 'my.local': 'mine\n', 'data.local/x': 'mine\n', 'flat.local': 'mine\n' }),
      aside: ['data.local/x', 'flat.local', 'my.local'],
    },
    'files that are too large for a checkpoint': {
      next: {},
      lies: (agent) => agent.write({ tracked: 'x'.repeat(1_000_001), 'large.txt': 'x'.repeat(1_000_001) }),
      aside: ['large.txt', 'tracked'],
    },
  };

  it.each(Object.entries(IN_THE_WAY))(
    'never loses what no checkpoint holds: %s',
    async (_name, { next, lies, aside }) => {
      using repository = makeRepository({ files: { tracked: 'from git\n', '.gitignore': '*.local\n' } });
      const agent = await anAgent(repository);
      await agent.prepare();
      lies(agent, (name) => innerOne(repository, path.join(agent.worktree, name)));
      repository.write(next);
      repository.git(['add', '-A', '-f']);
      repository.git(['commit', '-q', '--allow-empty', '-m', 'next']);
      const prepared = await agent.prepare({ taskBranch: 'swarm/task/t2' });
      for (const name of ['tracked', ...Object.keys(next).filter((file) => file.includes('local'))])
        expect(agent.read(name)).toBe('from git\n');
      expect(agent.git('status', '--porcelain')).toBe('');
      const [folder = '', ...others] = prepared.aside;
      expect(others).toEqual([]);
      expect(filesIn(folder)).toEqual(aside);
      expect(prepared.leftovers.length).toBeGreaterThan(0);
    },
  );

  it('never loses an ignored file that the result of a dependency has too', async () => {
    using repository = makeRepository({ files: { '.gitignore': '*.local\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    const place = path.join(repository.home, 'making');
    repository.git(['worktree', 'add', '-q', '--detach', place, 'main']);
    repository.write({ 'my.local': 'from git\n' }, place);
    repository.git(['add', '-f', 'my.local'], place);
    const commit = repository.commit({}, 'a result', place);
    agent.write({ 'my.local': 'mine\n', 'other.local': 'stays\n' });
    const { aside, leftovers } = await agent.prepare({ merges: [{ task: 't2', commit }] });
    expect([agent.read('my.local'), agent.read('other.local')]).toEqual(['from git\n', 'stays\n']);
    expect([leftovers, filesIn(aside[0] ?? '')]).toEqual([['my.local'], ['my.local']]);
  });

  it('leaves a repository where it is of which the start has the link', async () => {
    using repository = makeRepository();
    innerOne(repository, path.join(repository.root, 'lib'));
    repository.git(['add', 'lib']);
    repository.git(['commit', '-q', '-m', 'a link']);
    const agent = await anAgent(repository);
    await agent.prepare();
    innerOne(repository, path.join(agent.worktree, 'lib'));
    repository.commit({ 'more.txt': 'more\n' }, 'moved on', path.join(agent.worktree, 'lib'));
    const { aside } = await agent.prepare({ taskBranch: 'swarm/task/t2' });
    expect([aside, agent.read('lib/more.txt')]).toEqual([[], 'more\n']);
  });

  it('forgets nothing that was moved aside, however many tasks follow', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    const folders: string[] = [];
    for (const turn of [1, 2, 3, 4, 5]) {
      innerOne(repository, path.join(agent.worktree, 'inner'));
      folders.push(...(await agent.prepare({ taskBranch: `swarm/task/n${turn}` })).aside);
    }
    expect(folders.map(filesIn)).toEqual(Array(5).fill(['inner/only-here.txt']));
  });

  it('moves aside to a place beside a worktree that lies in another file system', async () => {
    using repository = makeRepository();
    const elsewhere = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'swarm-aside-'));
    try {
      const worktree = path.join(elsewhere, 'worker-1');
      repository.write({ 'inner/x.txt': 'x\n', 'y.txt': 'y\n' }, worktree);
      const aside = new Aside(worktree, repository.gitCommonDir);
      await aside.take('inner/');
      await aside.take('y.txt');
      expect(aside.folders.flatMap(filesIn)).toEqual(['inner/x.txt', 'y.txt']);
      expect(readdirSync(worktree)).toEqual([]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('merges the results of its dependencies', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    const merges = ['t2', 't3'].map((task) => ({ task, commit: aResult(repository, task, { [`${task}.txt`]: task }) }));
    const told = makeHostile(repository);
    const prepared = await agent.prepare({ merges });
    expect(prepared.conflict).toBeNull();
    expect(agent.read('t2.txt') + agent.read('t3.txt')).toBe('t2t3');
    expect(prepared.commit).toBe(agent.git('rev-parse', 'swarm/task/t1'));
    expect(agent.git('log', '--merges', '--format=%s')).toBe('Merge the result of t3');
    expect((await agent.prepare({ merges })).conflict).toBeNull();
    expect(existsSync(told)).toBe(false);
  });

  it('leaves a conflict for the agent, and says what is still to be merged', async () => {
    using repository = makeRepository({ files: { 'both.txt': 'base\n' } });
    const agent = await anAgent(repository);
    const merges = [
      { task: 't2', commit: aResult(repository, 't2', { 'both.txt': 'two\n' }) },
      { task: 't3', commit: aResult(repository, 't3', { 'both.txt': 'three\n' }) },
      { task: 't4', commit: aResult(repository, 't4', { 'four.txt': '4\n' }) },
    ];
    const prepared = await agent.prepare({ merges });
    expect(prepared.conflict).toEqual({
      task: 't3',
      commit: merges[1]?.commit,
      files: ['both.txt'],
      remaining: [merges[2]],
    });
    expect(agent.read('both.txt')).toContain('<<<<<<<');

    expect(await agent.commit()).toMatchObject({ outcome: 'unresolved', operation: 'merge', files: ['both.txt'] });
    agent.git('add', '-A');
    expect(await agent.commit()).toMatchObject({ outcome: 'unresolved', files: ['both.txt'] });
    agent.write({ 'both.txt': 'two and three\n' });
    const done = await agent.commit();
    expect(done.outcome).toBe('committed');
    expect(agent.git('rev-list', '--parents', '-n1', 'HEAD').split(' ')).toHaveLength(3);
    expect(agent.git('status', '--porcelain')).toBe('');
  });

  it('begins anew from an unfinished merge or rebase', async () => {
    using repository = makeRepository({ files: { 'both.txt': 'base\n' } });
    const agent = await anAgent(repository);
    const two = aResult(repository, 't2', { 'both.txt': 'two\n' });
    const three = aResult(repository, 't3', { 'both.txt': 'three\n' });
    await agent.prepare({
      merges: [
        { task: 't2', commit: two },
        { task: 't3', commit: three },
      ],
    });
    const prepared = await agent.prepare({ taskBranch: 'swarm/task/t5' });
    expect(prepared).toMatchObject({ fastPath: false, conflict: null });
    expect(agent.git('status', '--porcelain=v2')).toBe('');
    agent.git('checkout', '-q', '-B', 'swarm/task/t5', two);
    expect(repository.tryGit(['rebase', three], agent.worktree).code).not.toBe(0);
    expect(await agent.commit()).toMatchObject({ outcome: 'unresolved', operation: 'rebase' });
    await agent.prepare({ taskBranch: 'swarm/task/t6' });
    expect(agent.git('status')).not.toContain('rebas');
  });

  it('takes the branch over from an agent that stands on it, and keeps the tip that this leaves', async () => {
    using repository = makeRepository();
    const [one, two] = [await anAgent(repository, 'worker-1'), await anAgent(repository, 'worker-2')];
    await one.prepare();
    one.write({ 'half.txt': 'half\n' });
    const half = await one.commit();
    await two.prepare();
    expect(two.git('rev-parse', 'swarm/task/t1')).toBe(repository.git(['rev-parse', 'main']));
    expect(one.git('rev-parse', 'HEAD')).toBe(half.head);
    expect(one.git('status', '--porcelain')).toBe('');
    expect(repository.tryGit(['symbolic-ref', '-q', 'HEAD'], one.worktree).code).toBe(1);
    expect(repository.git(['for-each-ref', '--format=%(objectname)', 'refs/swarm/kept'])).toBe(half.head);
  });

  it('does not move a branch that the person has checked out', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    repository.git(['checkout', '-q', '-b', 'swarm/task/t1']);
    repository.commit({ 'mine.txt': 'm\n' });
    await expect(agent.prepare()).rejects.toMatchObject({ code: 'branch-in-use' });
    expect(repository.git(['status', '--porcelain'])).toBe('');
  });
});

describe('Committing a turn', () => {
  it('commits what is left, with trailers, without hooks, signing or a configured identity', async () => {
    using repository = makeRepository({ identity: false, refs: 'files' });
    const told = makeHostile(repository);
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'new ü.txt': 'n\n', '-dash.txt': 'd\n' });
    const turn = await agent.commit('Add a file\n\n# not a comment');
    expect(turn).toMatchObject({
      outcome: 'committed',
      commit: agent.git('rev-parse', 'HEAD'),
      branch: 'swarm/task/t1',
    });
    expect(
      agent.git('log', '-1', '--format=%an <%ae>|%cn|%(trailers:key=Swarm-Task,valueonly,separator=)|%b'),
    ).toContain('swarm <swarm@localhost>|swarm|t1|# not a comment');
    expect(existsSync(told)).toBe(false);
    const before = gitSpawnCount();
    expect(await agent.commit()).toEqual({
      outcome: 'unchanged',
      commit: null,
      head: turn.head,
      branch: 'swarm/task/t1',
      notes: [],
    });
    expect(gitSpawnCount() - before).toBe(1);
  });

  it('keeps the person’s identity and the agent’s own commits', async () => {
    using repository: TestRepository = makeRepository({} satisfies RepositoryOptions);
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'a.txt': 'a\n' });
    agent.git('add', '-A');
    agent.git('commit', '-qm', 'by the agent');
    const own = agent.git('rev-parse', 'HEAD');
    expect(await agent.commit()).toMatchObject({ outcome: 'unchanged', head: own });
    agent.write({ 'b.txt': 'b\n' });
    await agent.commit();
    expect(agent.git('log', '-1', '--format=%an %P')).toBe(`A Person ${own}`);
  });

  it('brings the task’s branch along when the agent went on without it', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.git('checkout', '-q', '-b', 'feature');
    agent.write({ 'a.txt': 'a\n' });
    const turn = await agent.commit();
    expect(turn.branch).toBe('swarm/task/t1');
    expect(agent.git('rev-parse', 'swarm/task/t1')).toBe(turn.head);
    agent.git('checkout', '-q', '--orphan', 'alone');
    agent.write({ 'b.txt': 'b\n' });
    agent.git('add', '-A');
    agent.git('commit', '-qm', 'unrelated');
    expect((await agent.commit()).branch).toBe('alone');
    expect(agent.git('rev-parse', 'swarm/task/t1')).toBe(turn.head);
  });

  it('commits the rest when a nested repository has no commit', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    repository.git(['init', '-q', path.join(agent.worktree, 'nested')]);
    expect(await agent.commit()).toMatchObject({ outcome: 'unchanged' });
    agent.write({ 'nested/n.txt': 'n\n', 'beside.txt': 'b\n' });
    const turn = await agent.commit();
    expect(turn.outcome).toBe('committed');
    expect(agent.git('show', '--name-only', '--format=', 'HEAD')).toBe('beside.txt');
  });

  it('clears away what a verify command made, and nothing that is ignored', async () => {
    using repository = makeRepository({ files: { '.gitignore': '*.cache\n', 'a.txt': 'a\n' } });
    const agent = await anAgent(repository);
    const { commit } = await agent.prepare();
    expect(await cleanLitter(agent.worktree, commit)).toEqual([]);
    agent.write({ 'a.txt': 'formatted\n', 'out/report.txt': 'r\n', 'x.cache': 'c\n' });
    expect((await cleanLitter(agent.worktree, commit)).sort()).toEqual(['a.txt', 'out/report.txt']);
    expect(agent.git('status', '--porcelain')).toBe('');
    expect(agent.read('x.cache')).toBe('c\n');
  });
});

describe('Merging a task', () => {
  const expectNoTrace = (repository: TestRepository): void => {
    expect(readdirSync(scratchOf(repository))).toEqual([]);
    expect(repository.git(['worktree', 'list']).split('\n')).toHaveLength(1);
  };

  it('moves a branch that no worktree has checked out, and a clean checkout with it', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'a.txt': 'a\n' });
    repository.git(['branch', 'release', 'main']);
    const told = makeHostile(repository);
    const released = await merge(repository, commit, 'release');
    expect(released).toMatchObject({ merged: true, commit: repository.git(['rev-parse', 'release']) });
    repository.write({ 'untracked.txt': 'mine\n' });
    const merged = await merge(repository, commit);
    expect(merged.merged).toBe(true);
    expect(readFileSync(path.join(repository.root, 'a.txt'), 'utf8')).toBe('a\n');
    expect(repository.git(['status', '--porcelain'])).toBe('?? untracked.txt');
    expect(repository.git(['log', '-1', '--format=%s %P'])).toBe(`Merge t1 ${merged.before} ${commit}`);
    expect(await merge(repository, commit)).toEqual({
      merged: false,
      commit: merged.commit,
      before: merged.commit,
      notes: [],
    });
    expect(existsSync(told)).toBe(false);
    expectNoTrace(repository);
  });

  it('is not taken back over what no commit holds', async () => {
    using repository = makeRepository({ files: { '.gitignore': '*.local\n', 'lib.local': '1\n' } });
    repository.git(['add', '-f', 'lib.local']);
    repository.git(['commit', '-q', '--amend', '--no-edit']);
    const place = path.join(repository.home, 'making');
    repository.git(['worktree', 'add', '-q', '--detach', place, 'main']);
    repository.git(['rm', '-q', 'lib.local'], place);
    const { before, commit: after } = await merge(repository, repository.commit({}, 'a result', place));
    const undo = { root: repository.root, into: 'main', before, after };
    const file = path.join(repository.root, 'lib.local');
    const refused = { code: 'branch-dirty', message: expect.stringContaining('lib.local') as string };
    writeFileSync(file, 'mine\n');
    await expect(undoMerge(undo)).rejects.toMatchObject(refused);
    expect(readFileSync(file, 'utf8')).toBe('mine\n');
    rmSync(file);
    innerOne(repository, file);
    await expect(undoMerge(undo)).rejects.toMatchObject(refused);
    expect(filesIn(repository.root)).toContain('lib.local/only-here.txt');
    rmSync(file, { recursive: true });
    await undoMerge(undo);
    expect(readFileSync(file, 'utf8')).toBe('1\n');
  });

  it('refuses a dirty checkout with a cure, and changes nothing', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'a.txt': 'a\n' });
    repository.write({ 'readme.txt': 'in the middle of something\n' });
    const before = repository.git(['rev-parse', 'main']);
    await expect(merge(repository, commit)).rejects.toMatchObject({
      code: 'branch-dirty',
      retrySafe: true,
      hint: expect.stringContaining('stash') as string,
    });
    expect(repository.git(['rev-parse', 'main'])).toBe(before);
    expect(readFileSync(path.join(repository.root, 'readme.txt'), 'utf8')).toBe('in the middle of something\n');
    repository.git(['checkout', '-q', '--', 'readme.txt']);
    repository.write({ 'a.txt': 'an untracked file in the way\n' });
    await expect(merge(repository, commit)).rejects.toMatchObject({ code: 'branch-dirty' });
    expect(readFileSync(path.join(repository.root, 'a.txt'), 'utf8')).toBe('an untracked file in the way\n');
    expect(repository.git(['rev-parse', 'main'])).toBe(before);
    expectNoTrace(repository);
  });

  it('reports a conflict with its files, and changes nothing', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'readme.txt': 'theirs\n', 'new.txt': 'n\n' });
    const before = repository.commit({ 'readme.txt': 'ours\n' });
    await expect(merge(repository, commit)).rejects.toMatchObject({ code: 'merge-conflict', files: ['readme.txt'] });
    expect(repository.git(['rev-parse', 'main'])).toBe(before);
    expect(repository.git(['status', '--porcelain'])).toBe('');
    expectNoTrace(repository);
  });

  it('merges several at once, one after the other', async () => {
    using repository = makeRepository();
    const commits = ['t1', 't2', 't3'].map((task) => aResult(repository, task, { [`${task}.txt`]: task }));
    const merged = await Promise.all(commits.map((commit) => merge(repository, commit)));
    expect(merged.every((one) => one.merged)).toBe(true);
    for (const commit of commits) repository.git(['merge-base', '--is-ancestor', commit, 'main']);
    expect(repository.git(['status', '--porcelain'])).toBe('');
    expectNoTrace(repository);
  });

  it('clears away the scratch worktree of a merge that was killed', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'a.txt': 'a\n' });
    const dead = path.join(scratchOf(repository), 'merge-4194304-dead');
    await addWorktree({ root: repository.root, path: dead, commit });
    repository.write({ 'litter.txt': 'l\n' }, dead);
    await merge(repository, commit);
    expectNoTrace(repository);
  });

  it('says what it cannot find', async () => {
    using repository = makeRepository();
    await expect(merge(repository, 'f'.repeat(40))).rejects.toMatchObject({ code: 'unknown-revision' });
    await expect(merge(repository, 'main', 'nowhere')).rejects.toMatchObject({ code: 'unknown-branch' });
  });

  it('shows what a task brings, whatever the base did meanwhile', async () => {
    using repository = makeRepository();
    const commit = aResult(repository, 't1', { 'a.txt': 'one\ntwo\n' });
    repository.commit({ 'unrelated.txt': 'u\n' });
    repository.git(['config', 'color.ui', 'always']);
    repository.git(['config', 'diff.external', '/bin/false']);
    const diff = await taskDiff({ root: repository.root, base: 'main', commit });
    expect(diff.files).toEqual([{ path: 'a.txt', added: 2, removed: 0 }]);
    expect(diff.text).toContain('\n+one\n+two');
  });
});
