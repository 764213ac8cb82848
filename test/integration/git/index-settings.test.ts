import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { agentSettings } from '../../../src/git/worktree/agent-settings.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

const FILES = { 'a.txt': 'a\n', 'b.txt': 'b\n', 'dir/c.txt': 'c\n' };

test.each<[string, Record<string, string>]>([
  ['index.skipHash', { 'index.skipHash': 'true', 'core.splitIndex': 'true' }],
  ['feature.manyFiles', { 'feature.manyFiles': 'true', 'core.splitIndex': 'true' }],
])('with a split index and %s neither an agent nor swarm loses files from the index', async (_name, settings) => {
  using repository = makeRepository({ files: FILES });
  for (const [key, value] of Object.entries(settings)) repository.git(['config', key, value]);
  const agent = await anAgent(repository);
  await agent.prepare();
  const asAgent = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: agent.worktree,
      env: { ...process.env, ...agentSettings(agent.worktree, process.env) },
      encoding: 'utf8',
    });
  agent.write({ 'new.txt': 'new\n' });
  asAgent('add', 'new.txt');
  expect(asAgent('status', '--porcelain')).toBe('A  new.txt\n');
  // What git 2.40 and newer lose is in the shared half.
  const gitDir = agent.git('rev-parse', '--absolute-git-dir');
  expect(readdirSync(gitDir).filter((name) => name.startsWith('sharedindex'))).toEqual([]);
  asAgent('commit', '-q', '-m', 'by the agent');
  agent.write({ 'more.txt': 'more\n' });
  await agent.commit();
  const held = repository.git(['ls-tree', '-r', '--name-only', 'swarm/task/t1']).split('\n');
  expect(held).toEqual(['a.txt', 'b.txt', 'dir/c.txt', 'more.txt', 'new.txt']);
  expect(repository.git(['log', '--format=', '--name-status', 'main..swarm/task/t1'])).not.toMatch(/^D/m);
});
