import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { unsavedWork } from '../../../src/git/worktree/unsaved-work.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent, merge } from './agent.ts';

/** The stores of references that this git has: it prints its options and ends with 129. */
const OPTIONS = spawnSync('git', ['init', '-h'], { encoding: 'utf8' }).stdout;
const FORMATS = OPTIONS.includes('ref-format') ? ['files', 'reftable'] : ['files'];

afterEach(() => vi.unstubAllEnvs());

describe.each(FORMATS)('with references in %s', (format) => {
  test('a task is prepared, committed and merged', async () => {
    vi.stubEnv('GIT_DEFAULT_REF_FORMAT', format);
    using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write({ 'b.txt': 'b\n' });
    const { head } = await agent.commit();
    await merge(repository, head);
    expect(repository.git(['ls-tree', '--name-only', 'main']).split('\n')).toEqual(['a.txt', 'b.txt']);
  });

  test('a stash counts as made in the worktree whose HEAD was there, and in no other', async () => {
    vi.stubEnv('GIT_DEFAULT_REF_FORMAT', format);
    using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
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
});
