import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SetUpError, setUpWorktree, type SetUpDone } from '../../../src/worktree/setup.ts';
import { readSetupNote } from '../../../src/worktree/setup-note.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import type { WorktreeSetup } from '../../../src/coordination/link.ts';
import { commitTurn } from '../../../src/git/task/commit-turn.ts';
import { cleanLitter } from '../../../src/git/worktree/litter.ts';
import { prepareTask } from '../../../src/git/task/prepare-task.ts';
import { agentSettings } from '../../../src/git/worktree/agent-settings.ts';
import { mendWorktrees } from '../../../src/git/worktree/mend-worktrees.ts';
import { addWorktree, removeWorktree } from '../../../src/git/worktree/worktrees.ts';
import { processes } from '../../../src/worktree/processes.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { systemClock } from '../../../src/lib/clock.ts';

interface Scene {
  repository: TestRepository;
  worktree: string;
  at(...names: string[]): string;
  /** @param root where the checkout is by now */
  setUp(settings: Partial<WorktreeSetup>, root?: string): Promise<SetUpDone>;
  /** The files that git would commit now, with the agent's environment. */
  status(): string;
  output: string[];
}

const FILES = {
  '.gitignore': 'node_modules/\n.env*\n!.env.example\nbuild/\n',
  '.env.example': 'A=\n',
  'tracked/keep.txt': 'tracked\n',
  'packages/a/index.js': 'a\n',
};

async function scene(repository: TestRepository): Promise<Scene> {
  const worktree = path.join(repository.home, 'repo.swarm', 'worker-1');
  await addWorktree({ root: repository.root, path: worktree, commit: 'main' });
  const at = (...names: string[]): string => path.join(worktree, ...names);
  const output: string[] = [];
  return {
    repository,
    worktree,
    at,
    output,
    setUp: (settings, root = repository.root) =>
      setUpWorktree({
        root,
        worktree,
        settings: { copy: [], link: [], commands: [], timeoutMs: 20_000, ...settings },
        env: { PATH: process.env['PATH'] ?? '' },
        mark: `test-${path.basename(repository.home)}/worker-1/setup/0`,
        outputFile: path.join(repository.home, 'logs', 'setup.log'),
        graceMs: 200,
        signal: new AbortController().signal,
        processes,
        clock: systemClock,
        turn: (work) => work(),
        progress: () => {},
        output: (line) => void output.push(line),
      }),
    status: () => {
      const asked = agentSettings(worktree, {});
      const before = { ...process.env };
      Object.assign(process.env, asked);
      try {
        return repository.git(['status', '--porcelain', '-uall'], worktree);
      } finally {
        for (const name of Object.keys(asked)) delete process.env[name];
        Object.assign(process.env, before);
      }
    },
  };
}

describe('copied files', () => {
  it('come with their modes and links, also below folders that git tracks, and never over what git tracks', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({
      '.env': 'A=1\n',
      '.env.local': 'A=2\n',
      'tracked/mine.txt': 'mine\n',
      'tracked/keep.txt': 'changed by the person\n',
      'packages/a/.env': 'deep\n',
      'tools/run.sh': '#!/bin/sh\n',
      'tools/sub/x': 'x\n',
    });
    chmodSync(path.join(repository.root, 'tools/run.sh'), 0o751);
    chmodSync(path.join(repository.root, 'tools/sub'), 0o700);
    symlinkSync('run.sh', path.join(repository.root, 'tools/again'));
    symlinkSync('/nowhere', path.join(repository.root, 'tools/dangling'));
    const { ran, notes } = await s.setUp({ copy: ['.env*', 'tracked', 'packages/*/.env', 'tools/', 'absent'] });
    expect({ ran, notes }).toEqual({ ran: true, notes: [`copy: there is no absent in ${repository.root}`] });
    expect(readFileSync(s.at('.env.local'), 'utf8')).toBe('A=2\n');
    expect(readFileSync(s.at('packages/a/.env'), 'utf8')).toBe('deep\n');
    expect(readFileSync(s.at('tracked/mine.txt'), 'utf8')).toBe('mine\n');
    expect(readFileSync(s.at('tracked/keep.txt'), 'utf8')).toBe('tracked\n');
    expect(lstatSync(s.at('tools/run.sh')).mode & 0o777).toBe(0o751);
    expect(lstatSync(s.at('tools/sub')).mode & 0o777).toBe(0o700);
    expect(readlinkSync(s.at('tools/again'))).toBe('run.sh');
    expect(readlinkSync(s.at('tools/dangling'))).toBe('/nowhere');
    expect(s.status()).toBe('');
    // Files that an agent adds beside them are its work.
    repository.write({ 'tracked/new.txt': 'new\n' }, s.worktree);
    expect(s.status()).toBe('?? tracked/new.txt');
  });

  it('go neither through a link that an agent has put in the way, nor onto what it names', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    const outside = path.join(repository.home, 'outside');
    mkdirSync(outside);
    repository.write({ 'outside.txt': 'precious\n' }, repository.home);
    repository.write({ 'conf/secret': 'x\n', '.env': 'A=1\n' });
    symlinkSync(outside, s.at('conf'));
    symlinkSync(path.join(repository.home, 'outside.txt'), s.at('.env'));
    const { notes } = await s.setUp({ copy: ['conf', 'conf/secret', '.env'] });
    expect(notes).toEqual(['copy: conf is no folder in the worktree, so it is not copied']);
    expect(existsSync(path.join(outside, 'secret'))).toBe(false);
    expect(readFileSync(path.join(repository.home, 'outside.txt'), 'utf8')).toBe('precious\n');
    expect(readFileSync(s.at('.env'), 'utf8')).toBe('A=1\n');
  });
});

describe('links among the files of the checkout', () => {
  it('show in the worktree what they show in the checkout, whatever they are relative to', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ 'secrets/.env': 'A=outside\n', 'shared/conf/x': 'x\n' }, repository.home);
    repository.write({ 'build/out.env': 'A=inside\n', 'build/conf/y': 'y\n', 'kit/own.txt': 'own\n' });
    chmodSync(path.join(repository.home, 'secrets/.env'), 0o640);
    const link = (text: string, name: string): void => symlinkSync(text, path.join(repository.root, name));
    link('../secrets/.env', '.env');
    link('build/out.env', '.env.inside');
    link('.env.example', '.env.tracked');
    link('.env', '.env.chain');
    link(path.join(repository.home, 'secrets/.env'), '.env.absolute');
    link('../../secrets/.env', 'kit/.env');
    link('../../shared/conf', 'kit/shared');
    link('../build/conf', 'kit/conf');
    link('../tracked', 'kit/tracked');
    link('own.txt', 'kit/again');
    link('../../nowhere', 'kit/gone');
    const { notes } = await s.setUp({ copy: ['.env*', 'kit'] });
    for (const name of ['.env', '.env.inside', '.env.chain', '.env.absolute', 'kit/.env']) {
      expect(readFileSync(s.at(name), 'utf8'), name).toBe(readFileSync(path.join(repository.root, name), 'utf8'));
    }
    // Where nothing is shared, an agent that writes changes its own.
    expect(['.env', '.env.inside', 'kit/.env'].map((name) => lstatSync(s.at(name)).isFile())).toEqual([
      true,
      true,
      true,
    ]);
    expect(lstatSync(s.at('.env')).mode & 0o777).toBe(0o640);
    expect(readlinkSync(s.at('.env.tracked'))).toBe('.env.example');
    expect([readlinkSync(s.at('kit/tracked')), readlinkSync(s.at('kit/again'))]).toEqual(['../tracked', 'own.txt']);
    // A folder that is not copied is yours.
    expect(readFileSync(s.at('kit/shared/x'), 'utf8')).toBe('x\n');
    expect(readFileSync(s.at('kit/conf/y'), 'utf8')).toBe('y\n');
    expect(readlinkSync(s.at('kit/gone'))).toBe(path.join(repository.home, 'nowhere'));
    expect(notes).toEqual([
      `copy: kit/conf is a link: agents see, and change, ${path.join(repository.root, 'build/conf')}`,
      `copy: kit/shared is a link: agents see, and change, ${path.join(repository.home, 'shared/conf')}`,
    ]);
    expect(s.status()).toBe('');
    // What the link names has changed, not the link.
    repository.write({ 'secrets/.env': 'A=another\n' }, repository.home);
    expect(await s.setUp({ copy: ['.env*', 'kit'] })).toMatchObject({ ran: true });
    expect(readFileSync(s.at('.env'), 'utf8')).toBe('A=another\n');
    expect(await s.setUp({ copy: ['.env*', 'kit'] })).toMatchObject({ ran: false });
  });

  it('that a pattern finds and that lead out of the repository are left out, as a plain name is refused', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ 'elsewhere/x': 'x\n' }, repository.home);
    const elsewhere = path.join(repository.home, 'elsewhere');
    symlinkSync('../elsewhere', path.join(repository.root, 'data.d'));
    symlinkSync('nothing', path.join(repository.root, '.env'));
    const { notes } = await s.setUp({ copy: ['data*', '.env*'], link: ['data.[d]'] });
    expect(notes).toEqual([
      `copy: data.d leads out of the repository, to ${elsewhere}, so it is left out`,
      `copy: .env leads nowhere: there is no ${path.join(repository.root, 'nothing')}`,
      `link: data.d leads out of the repository, to ${elsewhere}, so it is left out`,
    ]);
    expect(lstatSync(s.at('data.d'), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('what a set-up brought', () => {
  it('is in no commit and no checkpoint, outlives a task and a rollback, and goes with the worktree', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ 'node_modules/dep/index.js': 'dep\n', 'CLAUDE.local.md': 'mine\n', 'odd [name]?*\n#': 'odd\n' });
    const exclude = readFileSync(path.join(repository.gitCommonDir, 'info/exclude'), 'utf8');
    const config = readFileSync(path.join(repository.gitCommonDir, 'config'), 'utf8');
    await s.setUp({
      copy: ['CLAUDE.local.md', 'odd*'],
      link: ['node_modules'],
      commands: [['sh', '-c', 'echo made > made.txt; mkdir -p out/deep; echo x > out/deep/x']],
    });
    const shadowGit = path.join(repository.home, 'state', 'shadow.git');
    const { gitCommonDir } = repository;
    const store = new CheckpointStore({ gitCommonDir, shadowGit, worktree: s.worktree, agent: 'worker-1' });
    const { n, tree } = await store.capture({ reason: 'task-start' });
    expect(repository.git(['ls-tree', '-r', '--name-only', tree])).toBe(Object.keys(FILES).toSorted().join('\n'));
    const base = { branch: 'main', commit: repository.git(['rev-parse', 'main']) };
    const prepare = (taskBranch: string) =>
      prepareTask({
        root: repository.root,
        worktree: s.worktree,
        taskBranch,
        base,
        on: null,
        merges: [],
        checkpoint: base.commit,
      });
    expect((await prepare('swarm/task/t1')).leftovers).toEqual([]);
    repository.write({ 'work.txt': 'work\n' }, s.worktree);
    const { head } = await commitTurn({ worktree: s.worktree, message: 'work', trailers: {} });
    expect(repository.git(['show', '--format=', '--name-only', head])).toBe('work.txt');
    repository.write({ 'litter.txt': 'x\n' }, s.worktree);
    expect(await cleanLitter(s.worktree, head)).toEqual(['litter.txt']);
    repository.write({ 'left.txt': 'x\n' }, s.worktree);
    expect((await prepare('swarm/task/t2')).leftovers).toEqual(['left.txt']);
    await store.rollback(n);
    for (const name of ['node_modules/dep/index.js', 'CLAUDE.local.md', 'odd [name]?*\n#', 'made.txt', 'out/deep/x'])
      expect(existsSync(s.at(name)), name).toBe(true);
    expect(s.status()).toBe('');
    expect(readFileSync(path.join(repository.gitCommonDir, 'info/exclude'), 'utf8')).toBe(exclude);
    expect(readFileSync(path.join(repository.gitCommonDir, 'config'), 'utf8')).toBe(config);
    await removeWorktree({ root: repository.root, path: s.worktree });
    expect(existsSync(path.join(repository.root, 'node_modules/dep/index.js'))).toBe(true);
  });

  it('is ignored beside what the person ignores everywhere', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ ignore: '*.swp\n' }, repository.home);
    repository.git(['config', 'core.excludesFile', path.join(repository.home, 'ignore')]);
    repository.write({ 'notes.md': 'x\n' });
    await s.setUp({ copy: ['notes.md'] });
    repository.write({ 'a.swp': 'x\n', 'b.txt': 'x\n' }, s.worktree);
    expect(s.status()).toBe('?? b.txt');
  });
});

describe('links', () => {
  it('lead to the folder of the checkout, and go when they are no longer asked for', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ 'node_modules/dep/index.js': 'dep\n', 'cache/x': 'x\n' });
    await s.setUp({ link: ['node_modules', 'cache'] });
    expect(readlinkSync(s.at('node_modules'))).toBe(path.join(repository.root, 'node_modules'));
    // Installing must not go through the old link into the checkout.
    await s.setUp({ link: ['cache'], commands: [['sh', '-c', 'mkdir node_modules && echo own > node_modules/own']] });
    expect(lstatSync(s.at('node_modules')).isDirectory()).toBe(true);
    expect(existsSync(path.join(repository.root, 'node_modules/own'))).toBe(false);
    const { notes } = await s.setUp({ link: ['node_modules', 'tracked'] });
    expect(notes).toEqual([
      'link: node_modules is there already, so it is not linked',
      'link: tracked holds what git tracks, so it is not linked',
    ]);
    expect(existsSync(s.at('cache'))).toBe(false);
  });

  it('lead to the checkout where it is now', async () => {
    using repository = makeRepository({ files: FILES });
    repository.write({ 'node_modules/m.js': 'm\n' });
    const { at, setUp, worktree } = await scene(repository);
    await setUp({ link: ['node_modules'] });
    const root = `${repository.root}-renamed`;
    renameSync(repository.root, root);
    await mendWorktrees({ gitCommonDir: path.join(root, '.git'), elsewhere: () => [] });
    expect(await setUp({ link: ['node_modules'] }, root)).toMatchObject({ ran: true });
    expect(readlinkSync(at('node_modules'))).toBe(path.join(root, 'node_modules'));
    expect(readFileSync(path.join(worktree, 'node_modules/m.js'), 'utf8')).toBe('m\n');
  });
});

describe('the commands', () => {
  it('run once for the same settings and files, and again for others or where something is gone', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    repository.write({ '.env': 'A=1\n' });
    const settings = { copy: ['.env'], commands: [['sh', '-c', 'echo once >> build.log']] };
    const runs = (): number => readFileSync(s.at('build.log'), 'utf8').split('\n').length - 1;
    expect(await s.setUp(settings)).toEqual({ ran: true, notes: [] });
    expect(await s.setUp(settings)).toEqual({ ran: false, notes: [] });
    expect(runs()).toBe(1);
    repository.write({ '.env': 'A=1234\n' });
    expect((await s.setUp(settings)).ran).toBe(true);
    expect(readFileSync(s.at('.env'), 'utf8')).toBe('A=1234\n');
    rmSync(s.at('.env'));
    expect((await s.setUp(settings)).ran).toBe(true);
    expect((await s.setUp({ ...settings, commands: [...settings.commands, ['true']] })).ran).toBe(true);
    expect(runs()).toBe(4);
  });

  it('that fail say which, how and what they said, and are run again', async () => {
    using repository = makeRepository({ files: FILES });
    const s = await scene(repository);
    const commands = [
      ['sh', '-c', 'echo fine'],
      ['sh', '-c', 'printf "one\\rtwo\\nlast words" >&2; exit 9'],
    ];
    const failure = async (settings: Partial<WorktreeSetup>): Promise<SetUpError> => {
      const thrown: unknown = await s.setUp(settings).catch((error: unknown) => error);
      if (thrown instanceof SetUpError) return thrown;
      throw new Error(`no failure of a set-up: ${String(thrown)}`);
    };
    const first = await failure({ commands });
    expect(first.message).toMatch(
      /^set-up failed: \["sh","-c","printf .*"\] ended with exit 9 after \S+; log: .*setup\.log$/,
    );
    expect(first.tail).toBe('two\nlast words');
    expect(s.output).toEqual(['fine', 'two', 'last words']);
    expect(readSetupNote(s.worktree)).toMatchObject({ state: 'failed', detail: first.message });
    expect((await failure({ commands: [['no-such-program']] })).message).toContain(
      'set-up failed: no-such-program cannot be started: there is no such program on PATH',
    );
    const late = await failure({ commands: [['sh', '-c', 'setsid sleep 1000 & sleep 1000']], timeoutMs: 300 });
    expect(late.message).toContain('(worktree.setupTimeout)');
    expect(await s.setUp({ commands: [['true']] })).toEqual({ ran: true, notes: [] });
    expect(readSetupNote(s.worktree)).toMatchObject({ state: 'done', detail: null });
  });
});
