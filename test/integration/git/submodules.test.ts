import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { mendWorktrees } from '../../../src/git/worktree/mend-worktrees.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { anAgent, innerOne, inspect, merge, type Agent } from './agent.ts';

interface Nested extends Disposable {
  repository: TestRepository;
}

const LOCAL = ['-c', 'protocol.file.allow=always'];

/** A shop with a library at vendor/lib, which has a library of its own at third/inner, all checked out. */
function nested(): Nested {
  const inner = makeRepository({ files: { 'inner.txt': 'inner\n' } });
  const lib = makeRepository({ files: { 'lib.txt': 'lib\n' } });
  lib.git([...LOCAL, 'submodule', '--quiet', 'add', inner.root, 'third/inner']);
  lib.commit({}, 'with inner');
  const repository = makeRepository({ files: { 'shop.txt': 'shop\n' } });
  repository.git([...LOCAL, 'submodule', '--quiet', 'add', lib.root, 'vendor/lib']);
  repository.git([...LOCAL, 'submodule', '--quiet', 'update', '--init', '--recursive']);
  repository.commit({}, 'with lib');
  return {
    repository,
    [Symbol.dispose]: () => {
      for (const one of [inner, lib, repository]) one[Symbol.dispose]();
    },
  };
}

const LIB = 'vendor/lib';
const INNER = 'vendor/lib/third/inner';

/** Commits a file in a submodule of the agent's worktree. */
function commitIn(repository: TestRepository, agent: Agent, submodule: string, file: string): string {
  const place = path.join(agent.worktree, submodule);
  repository.git(['config', 'user.name', 'An Agent'], place);
  repository.git(['config', 'user.email', 'agent@example.org'], place);
  repository.git(['switch', '-q', '-C', 'work'], place);
  return repository.commit({ [file]: `${file}\n` }, file, place);
}

describe('Submodules of a worktree', () => {
  it('are checked out at every level that the checkout has', async () => {
    using shop = nested();
    const agent = await anAgent(shop.repository);
    expect(agent.read(`${INNER}/inner.txt`)).toBe('inner\n');
    expect(agent.git('submodule', 'status', '--recursive')).not.toMatch(/^[-+]/m);
  });

  it('are named with their whole path where they cannot be', async () => {
    using shop = nested();
    const { repository } = shop;
    rmSync(path.join(repository.root, '.git/modules/vendor/lib/modules/third/inner/objects'), { recursive: true });
    const commit = repository.git(['rev-parse', 'main']);
    const { notes } = await addWorktree({ root: repository.root, path: path.join(repository.home, 'w'), commit });
    expect(notes).toEqual([expect.stringMatching(/^submodule vendor\/lib\/third\/inner is not checked out: /)]);
  });

  it('with changes are said in the result; the next task begins without them, and they are kept', async () => {
    using shop = nested();
    const { repository } = shop;
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ [`${LIB}/lib.txt`]: 'edited\n', [`${LIB}/new.txt`]: 'new\n', [`${INNER}/deep.txt`]: 'deep\n' });
    innerOne(repository, path.join(agent.worktree, LIB, 'clone'));
    const { head } = await agent.commit();
    const { notes } = await inspect(repository, agent, head);
    expect(notes).toEqual([expect.stringMatching(/^the submodule vendor\/lib has changes that are in no commit/)]);
    const next = await agent.prepare({ taskBranch: 'swarm/task/t2' });
    expect(agent.git('status', '--porcelain', '--ignore-submodules=none')).toBe('');
    expect([agent.read(`${LIB}/lib.txt`), existsSync(path.join(agent.worktree, INNER, 'deep.txt'))]).toEqual([
      'lib\n',
      false,
    ]);
    const [, folder = ''] = / was put aside in (.*)\.$/.exec(next.notes.at(-1) ?? '') ?? [];
    expect(readFileSync(path.join(folder, 'clone/only-here.txt'), 'utf8')).toBe('only here\n');
    const commands = next.notes.slice(0, -1).map((note) => / git (.*)$/.exec(note)?.[1]?.split(' ') ?? []);
    const [deep = '', shallow = ''] = commands.map((command) => repository.git(command));
    expect(deep).toContain('+deep');
    expect(shallow).toContain('+edited');
    expect(shallow).toContain('+new');
    expect((await agent.prepare({ taskBranch: 'swarm/task/t3' })).notes).toEqual([]);
  });

  it('keep no attempt from its end and no task from its start where git cannot read one of them', async () => {
    using shop = nested();
    const { repository } = shop;
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'own.txt': 'own\n' });
    const { head } = await agent.commit();
    writeFileSync(path.join(agent.git('-C', LIB, 'rev-parse', '--absolute-git-dir'), 'index'), 'no index\n');
    expect((await inspect(repository, agent, head)).notes).toEqual([
      expect.stringMatching(/^the work in submodules is not in your checkout yet: /),
    ]);
    const next = await agent.prepare({ taskBranch: 'swarm/task/t2', checkpoint: head });
    expect(next.notes).toEqual([expect.stringMatching(/^submodules are not as the task's start has them: /)]);
  });

  it('follow the commit that the next task begins at', async () => {
    using shop = nested();
    const { repository } = shop;
    const agent = await anAgent(repository);
    await agent.prepare();
    const own = commitIn(repository, agent, LIB, 'n.txt');
    const { head } = await agent.commit();
    await inspect(repository, agent, head);
    await agent.prepare({ taskBranch: 'swarm/task/t2' });
    expect(existsSync(path.join(agent.worktree, LIB, 'n.txt'))).toBe(false);
    const other = await anAgent(repository, 'worker-2');
    expect((await other.prepare({ taskBranch: 'swarm/task/t3', on: head })).notes).toEqual([]);
    expect(repository.git(['rev-parse', 'HEAD'], path.join(other.worktree, LIB))).toBe(own);
  });
});

describe('A commit in a submodule', () => {
  it.each([LIB, INNER])(
    'is carried into the checkout’s copy, so that it can be checked out there: %s',
    async (where) => {
      using shop = nested();
      const { repository } = shop;
      const agent = await anAgent(repository);
      await agent.prepare();
      const own = commitIn(repository, agent, where, 'n.txt');
      if (where === INNER) commitIn(repository, agent, LIB, 'around.txt');
      const { head } = await agent.commit();
      const merged = await merge(repository, head);
      expect(merged.notes).toEqual([expect.stringContaining('submodule update --init')]);
      repository.git([...LOCAL, 'submodule', '--quiet', 'update', '--init', '--recursive']);
      expect(repository.git(['rev-parse', 'HEAD'], path.join(repository.root, where))).toBe(own);
      expect(repository.git(['status', '--porcelain'])).toBe('');
    },
  );

  it('that only an agent’s worktree has is said, and its merge refused with a command that helps', async () => {
    using shop = nested();
    const { repository } = shop;
    const agent = await anAgent(repository);
    await agent.prepare();
    const own = commitIn(repository, agent, LIB, 'n.txt');
    const { head } = await agent.commit();
    repository.git(['submodule', '--quiet', 'deinit', '-f', LIB]);
    const { notes } = await inspect(repository, agent, head);
    expect(notes).toEqual([expect.stringContaining(`${own.slice(0, 12)} of the submodule ${LIB} is only in `)]);
    const before = repository.git(['rev-parse', 'main']);
    const error = (await merge(repository, head).catch((thrown: unknown) => thrown)) as { code: string; hint: string };
    expect([error.code, repository.git(['rev-parse', 'main'])]).toEqual(['submodule-commit', before]);
    const [, command = ''] = /`git (.*)`/.exec(error.hint) ?? [];
    repository.git([...LOCAL, ...command.replaceAll("'", '').split(' ')]);
    expect(await merge(repository, head)).toMatchObject({ merged: true });
  });
});

describe('A repository whose folder was renamed', () => {
  const mended = async (worktree: string, along: string | null): Promise<void> => {
    using shop = nested();
    const { repository } = shop;
    const agent = await anAgent(repository, worktree);
    const [was, is] = [agent.worktree, along === null ? agent.worktree : path.join(repository.home, along)];
    const root = path.join(repository.home, 'deeper/renamed');
    mkdirSync(path.dirname(root));
    renameSync(repository.root, root);
    if (along !== null) renameSync(was, is);
    const gitCommonDir = path.join(root, '.git');
    for (const _ of ['at once', 'again'])
      expect(await mendWorktrees({ gitCommonDir, elsewhere: () => [is] })).toEqual([is]);
    expect(repository.git(['status', '--porcelain', '--ignore-submodules=none'], is)).toBe('');
    expect(repository.git(['submodule', 'status', '--recursive'], is)).not.toMatch(/^[-+]/m);
    expect(repository.git(['rev-parse', '--show-toplevel'], path.join(is, INNER))).toBe(path.join(is, INNER));
    expect(repository.git(['worktree', 'list', '--porcelain'], root)).toContain(`worktree ${is}\n`);
  };

  it('has its worktrees, and their submodules, where they stayed', () => mended('agent', null));

  it('has them where they were renamed too', () => mended('agent', 'deeper/agents'));
});
