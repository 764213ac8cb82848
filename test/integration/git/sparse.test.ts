import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

const FILES = { 'apps/web/a.txt': 'a\n', 'libs/x/b.txt': 'b\n' };

test('a sparse checkout that an agent leaves behind hides no file from the next task', async () => {
  using repository = makeRepository({ files: FILES });
  const agent = await anAgent(repository);
  await agent.prepare();
  agent.git('sparse-checkout', 'set', '--cone', 'apps/web');
  expect(existsSync(path.join(agent.worktree, 'libs'))).toBe(false);
  await agent.prepare();
  expect(agent.read('libs/x/b.txt')).toBe('b\n');
  expect(agent.git('status', '--porcelain')).toBe('');
  // Once it is as the checkout is, nothing is done about it any more.
  expect(await agent.prepare()).toMatchObject({ fastPath: true });
});

test('one that the person’s checkout has is there again after an agent widened or ended it', async () => {
  using repository = makeRepository({ files: FILES });
  repository.git(['sparse-checkout', 'set', '--cone', 'apps/web']);
  const agent = await anAgent(repository);
  await agent.prepare();
  for (const args of [['disable'], ['add', 'libs/x'], ['set', '--no-cone', '/*']]) {
    agent.git('sparse-checkout', ...args);
    expect(agent.read('libs/x/b.txt'), args.join(' ')).toBe('b\n');
    await agent.prepare();
    expect(existsSync(path.join(agent.worktree, 'libs')), args.join(' ')).toBe(false);
    expect(agent.git('status', '--porcelain')).toBe('');
    expect(await agent.prepare()).toMatchObject({ fastPath: true });
  }
  // The person's own is as it was.
  expect(repository.git(['sparse-checkout', 'list'])).toBe('apps/web');
});
