import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { clearOperation, operationUnderWay } from '../../../src/git/repository/operations.ts';
import { unsavedWork } from '../../../src/git/worktree/unsaved-work.ts';
import { makeRepository, REF_FORMATS } from '../../support/git-repository.ts';
import { anAgent, merge } from './agent.ts';

describe.each(REF_FORMATS)('with references in %s', (refs) => {
  test('a task is prepared, committed and merged', async () => {
    using repository = makeRepository({ refs, files: { 'a.txt': 'a\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'b.txt': 'b\n' });
    const { head } = await agent.commit();
    await merge(repository, head);
    expect(repository.git(['ls-tree', '--name-only', 'main']).split('\n')).toEqual(['a.txt', 'b.txt']);
  });

  test('a stash counts as made in the worktree whose HEAD was there, and in no other', async () => {
    using repository = makeRepository({ refs, files: { 'a.txt': 'a\n' } });
    const [one, other] = [await anAgent(repository), await anAgent(repository, 'worker-2')];
    one.git('commit', '-q', '--allow-empty', '-m', 'on a detached HEAD');
    one.write({ 'a.txt': 'stashed\n' });
    one.git('stash', '-q');
    const commit = one.git('rev-parse', 'refs/stash');
    const stashed = async ({ worktree }: typeof one): Promise<string[]> =>
      (await unsavedWork({ root: repository.root, worktree })).loose
        .filter(({ name }) => name.startsWith('stash-'))
        .map(({ commit: found }) => found);
    expect(await stashed(one)).toEqual([commit]);
    expect(await stashed(other)).toEqual([]);
  });

  test('a cherry-pick and a revert that stopped are known as such, and forgotten when the next task begins', async () => {
    using repository = makeRepository({ refs, files: { 'a.txt': 'a\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    const first = repository.commit({ 'a.txt': 'one\n' }, 'one', agent.worktree);
    repository.commit({ 'a.txt': 'two\n' }, 'two', agent.worktree);
    for (const [verb, commit] of [
      ['cherry-pick', `${first}~`],
      ['revert', first],
    ] as const) {
      repository.tryGit([verb, commit], agent.worktree);
      expect(await operationUnderWay(agent.worktree)).toBe(verb);
      await clearOperation(agent.worktree);
      expect(await operationUnderWay(agent.worktree)).toBeNull();
      agent.git('reset', '-q', '--hard');
    }
  });
});

test('a repository inside with another kind of object ids stops neither a commit nor a checkpoint', async () => {
  using repository = makeRepository({ objects: 'sha256', files: { 'a.txt': 'a\n' } });
  const agent = await anAgent(repository);
  await agent.prepare();
  const inner = path.join(agent.worktree, 'inner');
  repository.git(['init', '-q', '--object-format=sha1', inner]);
  const person = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org'];
  repository.git([...person, 'commit', '-q', '--allow-empty', '-m', 'inside'], inner);
  agent.write({ 'b.txt': 'b\n' });
  const shadowGit = path.join(repository.home, 'state', 'shadow.git');
  const place = { gitCommonDir: repository.gitCommonDir, shadowGit, worktree: agent.worktree, agent: 'worker-1' };
  const { tree } = await new CheckpointStore(place).capture({ reason: 'with it' });
  expect(repository.git(['ls-tree', '--name-only', tree]).split('\n')).toContain('b.txt');
  const { head } = await agent.commit();
  expect(repository.git(['ls-tree', '--name-only', head]).split('\n')).toEqual(['a.txt', 'b.txt']);
});
