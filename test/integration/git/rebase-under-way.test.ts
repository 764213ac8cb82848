import { expect, it } from 'vitest';
import { makeRepository } from '../../support/git-repository.ts';
import { aResult, merge } from './agent.ts';

/** Stops at the conflict of its one commit with `onto`. */
const rebase = ['-c', 'core.editor=:', 'rebase', '--update-refs'];

it('A branch that a rebase has in hand takes no merge: it could not end, and an abort would drop the merge', async () => {
  using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
  const result = aResult(repository, 't1', { 'made.txt': 'made\n' });
  repository.git(['switch', '-qc', 'onto']);
  repository.commit({ 'a.txt': 'onto\n' });
  repository.git(['switch', '-q', 'main']);
  repository.commit({ 'b.txt': 'below\n' });
  repository.git(['branch', 'below']);
  const before = [repository.commit({ 'a.txt': 'ours\n' }), repository.git(['rev-parse', 'below'])];
  expect(repository.tryGit([...rebase, 'onto']).code).toBe(1);

  for (const branch of ['main', 'below'])
    await expect(merge(repository, result, branch)).rejects.toMatchObject({
      code: 'branch-in-rebase',
      message: `${branch} is being rebased in ${repository.root}`,
      hint: expect.stringContaining('rebase --continue') as unknown,
    });
  expect(repository.git(['rev-parse', 'main', 'below']).split('\n')).toEqual(before);
  // Another branch is not in its hand.
  expect((await merge(repository, result, 'onto')).merged).toBe(true);

  repository.write({ 'a.txt': 'both\n' });
  repository.git(['add', '.']);
  repository.git(['-c', 'core.editor=:', 'rebase', '--continue']);
  expect((await merge(repository, result)).merged).toBe(true);
  expect(repository.git(['show', 'main:made.txt'])).toBe('made');
});
